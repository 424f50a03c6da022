"""Local times stay local when the rules of their zones change (rule D3).

A scheduled message that was given a local time has the instant that the rules of that day made of
it. With newer rules the timer makes the instants anew, once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import Changed, Transient
from shared.messages.rows import filled_row, instant_or_none, text_or_none
from shared.messages.stored import read_message, write_message
from shared.messages.todo import drain, with_todo
from shared.model import Status
from shared.organizations import Organization
from shared.sending.due import PARTITION, TABLE, put_look, put_scheduled, remove_look
from shared.timing.local_times import ZoneRules, installed_rules

log = logging.getLogger(__name__)

RULES_PARTITION = "zones"
RULES_KEY = "rules"
SIDE_BY_SIDE = timedelta(hours=1)
"""For so long an instance with the older rules may still accept messages after the first with the
newer ones came."""


async def renew_local_times(
    organization: Organization, now: datetime, rules: ZoneRules | None = None
) -> int:
    """Gives every waiting local time the instant that these rules make of it; returns how many
    moved.

    One request as long as the rules are those of the last time; only newer ones count, so that of
    two versions side by side the older does not undo it. What the older one accepted meanwhile is
    found an hour later, in a second look.
    """
    rules = rules or installed_rules()
    known = await organization.tables.get(TABLE, RULES_PARTITION, RULES_KEY)
    first = known is None or known.row["version"] < rules.version
    if known is not None and not first:
        again = instant_or_none(known.row.get("again"))
        if known.row["version"] > rules.version or again is None or now < again:
            return 0
    moved = 0
    async for read in organization.tables.rows(TABLE, PARTITION):
        if not read.row.get("local"):
            continue
        try:
            moved += await _renew(organization, read.row["message"], now, rules)
        except Transient:
            raise
        except Exception:
            # One message that breaks us must not keep the others from being sent.
            log.exception("a local time of %s is not renewed", organization.id)
    # Only now: should we die before, the next one begins again.
    again = now + SIDE_BY_SIDE if first else None
    row = filled_row(RULES_PARTITION, RULES_KEY, version=rules.version, again=text_or_none(again))
    await organization.tables.upsert(TABLE, row)
    return moved


async def _renew(organization: Organization, message: str, now: datetime, rules: ZoneRules) -> bool:
    while True:
        stored = await read_message(organization, message)
        if stored is None or stored.message.status is not Status.SCHEDULED:
            return False
        was = stored.message.send_time
        if was is None or was.local is None or was.local.rules >= rules.version:
            return False
        time = rules.renewed(was)
        row, todo = with_todo(replace(stored.message, send_time=time, due_at=time.at))
        await put_scheduled(organization, row, now)
        await put_look(organization, message, row.version, now)
        try:
            await write_message(organization, stored, row, (), [todo])
        except Changed:
            continue
        await drain(organization, row, [todo.row["RowKey"]], history=())
        await remove_look(organization, message, row.version, now)
        return time.at != was.at
