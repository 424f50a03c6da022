"""Trying again to send a message that failed, because somebody asks for it (rule S2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from shared.assistant.facts import cards_of, differing
from shared.errors import Changed, Refusal
from shared.messages.content import load_content
from shared.messages.files import Place, file_to_row, on_its_way_again, read_files
from shared.messages.rows import CopyRow, MessageRow
from shared.messages.stored import (
    MOST_COPIES_WRITTEN,
    Stored,
    read_message,
    write_message,
)
from shared.messages.todo import drain, with_todo
from shared.model import Status, Step
from shared.organizations import Organization
from shared.sending.due import WATCH, put_due, put_look, remove_look
from shared.storage.tables import Write

UNDER_WAY = (Status.ACCEPTED, Status.SENDING)


async def retry(
    organization: Organization,
    message: str,
    *,
    even_if_sent: bool,
    now: datetime,
    deliver: Callable[[str], Awaitable[None]],
) -> Status:
    """Takes a failed message up again, or the failed copies of one that was partly sent; one that
    is under way stays so. Returns its status.

    The next attempt looks first for what the ones before did, so that a copy which was sent after
    all is found and not sent again.

    Raises `Refusal` 409 for a message that was sent, and for one that may have been sent unless
    `even_if_sent`; 404 where there is none.
    """
    while True:
        stored = await read_message(organization, message)
        if stored is None:
            raise Refusal(404, "There is no such message.")
        if stored.message.status in UNDER_WAY:
            return stored.message.status
        _refuse(stored, even_if_sent)
        await put_due(organization, message, now + WATCH)
        try:
            again, todo = await _take_up(organization, stored, now)
        except Changed:
            continue
        copies = stored.copies.values()
        cards = differing(cards_of(stored.message, copies), cards_of(again, copies))
        await drain(organization, again, [todo], history=(), cards=cards)
        await remove_look(organization, message, again.version, now)
        await deliver(message)
        return again.status


def _refuse(stored: Stored, even_if_sent: bool) -> None:
    if stored.message.status is Status.SENT:
        raise Refusal(409, "This message was sent; there is nothing to try again.")
    if stored.message.status not in (Status.FAILED, Status.PARTLY_SENT):
        raise Refusal(409, "Only a message that failed can be tried again.")
    unclear = any(copy.step is Step.NEEDS_REVIEW for copy in stored.copies.values())
    if unclear and not even_if_sent:
        raise Refusal(
            409,
            "This message may have been sent. Look in Sent Items; to send it all the same, "
            'say {"evenIfSent": true}.',
            code="mayHaveBeenSent",
        )


async def _take_up(
    organization: Organization, stored: Stored, now: datetime
) -> tuple[MessageRow, str]:
    """The message as it was when accepted, with what is known of its attempts; and the key of the
    row for what follows from that."""
    failed = cards_of(stored.message, stored.copies.values())
    again = replace(
        stored.message,
        status=Status.ACCEPTED,
        failure=None,
        taken_up_at=now,
        due_at=now + WATCH,
        not_before=None,
        turn=None,
        troubles=0,
        troubled_since=None,
        lease_owner="",
        lease_until=None,
    )
    copies = [
        _again(copy, now)
        for copy in stored.copies.values()
        if copy.step in (Step.FAILED, Step.NEEDS_REVIEW)
    ]
    # All but the last of many copies come first; the message with the last is taken up.
    while len(copies) > MOST_COPIES_WRITTEN:
        part, copies = copies[:MOST_COPIES_WRITTEN], copies[MOST_COPIES_WRITTEN:]
        same = replace(stored.message, version=stored.message.version + 1)
        stored = await write_message(organization, stored, same, part)
    again = replace(again, version=stored.message.version)
    gone = differing(failed, cards_of(again, stored.copies.values()))
    again, todo = with_todo(again, cards=gone)
    content = await load_content(organization, again)
    followed = {one.number for one in content.attachments if one.follow and again.followed}
    files = [
        Write(
            "replace",
            file_to_row(again.id, on_its_way_again(one.file)),
            one.etag,
        )
        for one in await read_files(organization, again.id)
        if one.file.number in followed
        and one.file.place is not Place.STORED
        and one.file.withdrawn_at is None
    ]
    await put_look(organization, again.id, again.version, now)
    await write_message(organization, stored, again, copies, [*files, todo])
    return again, todo.row["RowKey"]


def _again(copy: CopyRow, now: datetime) -> CopyRow:
    return replace(copy, step=Step.ACCEPTED, step_at=now, failure=None)
