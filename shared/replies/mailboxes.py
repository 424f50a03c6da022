"""The mailboxes that are watched for replies: a row each in the organization's own storage.

A row says which subscription tells of the mailbox, up to when its mail was read, and who is at work
on it right now. It is changed under its ETag only, so that instances can work side by side.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Changed, Conflict
from shared.graph.errors import UNKNOWN_MAILBOX_CODES
from shared.organizations import Organization, OrganizationSettings
from shared.replies.notifications import mailbox_key
from shared.storage.tables import TRANSACTION_LIMIT, Read, Row, Write

TABLE = "subscriptions"
PARTITION = "mailbox"
LEASE = timedelta(seconds=30)
"""For how long whoever works on a mailbox keeps the others away, from its last write on. A process
that dies at it keeps them away as long; should a slow one be overtaken, both do the same, and
everything here may be done twice."""


@dataclass(frozen=True, slots=True)
class WatchedMailbox:
    """`seen_until`: mail received before was read. `signed_by`: the key of the subscription's
    client state. `not_before`, `failures` and `problem` tell why it has no living subscription, or
    none that could be renewed; `look_after`, that a look did not work; `owner` is at work until
    `busy_until`. `time_zone` is its owner's as Outlook knows it (IANA), asked for again at
    `zone_after`."""

    address: str
    seen_until: datetime
    subscription: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    signed_by: str | None = None
    renew: bool = False
    looked_at: datetime | None = None
    look_after: datetime | None = None
    not_before: datetime | None = None
    failures: int = 0
    problem: str | None = None
    owner: str | None = None
    busy_until: datetime | None = None
    time_zone: str | None = None
    zone_after: datetime | None = None

    @property
    def key(self) -> str:
        return mailbox_key(self.address)

    def is_told_of(self, now: datetime) -> bool:
        """Whether a subscription of the mailbox lives."""
        return (
            self.subscription is not None
            and self.expires_at is not None
            and (now < self.expires_at)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A watched mailbox as it was read."""

    mailbox: WatchedMailbox
    etag: str


async def watch(organization: Organization, address: str, now: datetime) -> None:
    """Watch a mailbox from now on; one that is watched already stays as it is."""
    try:
        await organization.tables.insert(TABLE, _to_row(WatchedMailbox(address.lower(), now)))
    except Conflict:
        return


async def watch_all(organization: Organization, addresses: Iterable[str], now: datetime) -> None:
    """The same for many. Where somebody else adds some of them at this moment, the rest may be left
    to the next call."""
    rows = [_to_row(WatchedMailbox(address.lower(), now)) for address in sorted(addresses)]
    for start in range(0, len(rows), TRANSACTION_LIMIT):
        part = [Write("insert", row) for row in rows[start : start + TRANSACTION_LIMIT]]
        with contextlib.suppress(Conflict):
            await organization.tables.transact(TABLE, part)


def is_wanted(organization: Organization, settings: OrganizationSettings, address: str) -> bool:
    """Whether replies to this mailbox are followed (rules F6, A2)."""
    return settings.engagement and organization.may_send_from(address, settings)


async def all_told_of(
    organization: Organization, settings: OrganizationSettings, now: datetime
) -> bool:
    """Whether every mailbox that is wanted has its subscription, or cannot have one."""
    async for one in watched(organization):
        mailbox = one.mailbox
        if is_wanted(organization, settings, mailbox.address) and not (
            mailbox.is_told_of(now) or mailbox.problem in UNKNOWN_MAILBOX_CODES
        ):
            return False
    return True


async def watched(organization: Organization) -> AsyncIterator[Found]:
    """All watched mailboxes of the organization."""
    async for read in organization.tables.rows(TABLE, PARTITION):
        yield _found(read)


async def find_watched(organization: Organization, key: str) -> Found | None:
    """The watched mailbox with that key."""
    read = await organization.tables.get(TABLE, PARTITION, key)
    return _found(read) if read is not None else None


async def mailbox_zone(organization: Organization, address: str) -> str | None:
    """The time zone (IANA) that Outlook has of the mailbox's owner; one request to storage."""
    found = await find_watched(organization, mailbox_key(address))
    return found.mailbox.time_zone if found is not None else None


async def write(organization: Organization, found: Found, mailbox: WatchedMailbox) -> Found:
    """Put `mailbox` in place of what was found; raises `Changed` where somebody was faster."""
    etag = await organization.tables.replace(TABLE, _to_row(mailbox), found.etag)
    return Found(mailbox, etag)


async def change(
    organization: Organization,
    found: Found,
    changed_from: Callable[[WatchedMailbox], WatchedMailbox | None],
) -> Found | None:
    """Change the row whatever others change meanwhile; None where there is nothing to change (any
    more)."""
    current: Found | None = found
    while current is not None:
        changed = changed_from(current.mailbox)
        if changed is None:
            return None
        try:
            return await write(organization, current, changed)
        except Changed:
            current = await find_watched(organization, found.mailbox.key)
    return None


def _to_row(mailbox: WatchedMailbox) -> Row:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(mailbox).items()
        if value is not None
    }
    return {"PartitionKey": PARTITION, "RowKey": mailbox.key, "schema": 1, **values}


def _found(read: Read) -> Found:
    known = WatchedMailbox.__dataclass_fields__
    values: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name in _INSTANTS else value
        for name, value in read.row.items()
        if name in known
    }
    return Found(WatchedMailbox(**values), read.etag)


_INSTANTS = frozenset(
    {
        "seen_until",
        "created_at",
        "expires_at",
        "looked_at",
        "look_after",
        "not_before",
        "busy_until",
        "zone_after",
    }
)
