"""Accepting a message: everything is checked before anything is stored; what is stored is sent at
its time, or waits as a draft.

The order of writes makes a crash harmless at every point: the reservation of the idempotency key,
the row that brings the message up again, its files and its content, and then, in one transaction,
the message itself. Only that last one makes it a message. Lists and the words to the queues follow,
and are made up for by whoever comes next if they are missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.attachments.staging import GivenFiles, refuse_too_large_together, store_files
from shared.errors import Conflict, Problem, Refusal
from shared.messages.content import store_content
from shared.messages.files import new_file
from shared.messages.lookups import bounced_among
from shared.messages.rows import MessageRow
from shared.messages.stored import create_message, new_copies
from shared.messages.todo import with_todo
from shared.model import (
    Attachment,
    Content,
    FollowChoice,
    Kpis,
    Recipient,
    Reminder,
    SendTime,
    Status,
)
from shared.organizations import Organization
from shared.sending.due import WATCH, put_due, put_look, put_scheduled, remove_look
from shared.sending.follow import Decision, decide_follow
from shared.sending.idempotency import known_answer, reserve
from shared.sending.sequel import Words, follow_up
from shared.sending.wording import reasons_shown, warnings_shown
from shared.storage.tables import Write
from shared.timing.reminders import with_reminder
from shared.timing.reminding import put_reminder
from shared.timing.zones import zone_of_recipient

log = logging.getLogger(__name__)

_LONGEST_TO_TEXT = 500


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request to send: what, from whom, when, and how it is to be followed."""

    content: Content
    from_: str
    seller: str
    follow: FollowChoice
    language: str
    """Of the sentences in the answer, and of what the message says in our name."""
    files: GivenFiles = field(default_factory=GivenFiles)
    draft: bool = False
    send_time: SendTime | None = None
    reminder: Reminder | None = None

    def status(self, now: datetime) -> Status:
        """Where a message stands that is stored like this."""
        if self.draft:
            return Status.DRAFT
        later = self.send_time is not None and self.send_time.at > now
        return Status.SCHEDULED if later else Status.ACCEPTED


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key and the fingerprint of the body that came with it."""

    key: str
    body: str


async def accept(
    organization: Organization,
    order: Order,
    key: IdempotencyKey | None,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    words: Words,
) -> dict[str, Any]:
    """Accepts the message and returns the answer to its caller; `Refusal` where it cannot be
    sent."""
    decision, bounced = await asyncio.gather(
        decide(organization, order),
        bounced_among(organization, [one.address for one in order.content.recipients]),
    )
    now = clock()
    order = await with_recipient_zone(organization, order, now)
    row = message_row(order, decision, new_id(), now)
    if key is not None:
        reserved = await _reserve(organization, row, order.language, bounced, key, clock)
        if isinstance(reserved, dict):
            return reserved
        row = replace(row, id=reserved)
    await _store(organization, row, order, now, words)
    log.info("message %s of %s is %s", row.id, organization.id, row.status.value)
    return answer_about(organization, row, order.language, bounced)


async def decide(organization: Organization, order: Order) -> Decision:
    """Whether the message is followed; `Refusal` 422 where it cannot be sent like this.

    What a draft lacks may still come: it is refused only for what no further word can mend.
    """
    settings = await organization.settings()
    if not organization.may_send_from(order.from_, settings):
        raise Refusal(
            422,
            f"{order.from_} is not one of the organization's sending mailboxes.",
            (Problem("/from", "This mailbox is not one of the organization's sending mailboxes."),),
        )
    content = order.content
    decision = await decide_follow(
        organization,
        settings,
        content.recipients,
        order.follow,
        has_html=content.html is not None or (order.draft and content.text is None),
    )
    if order.follow is FollowChoice.REQUIRED and not (decision.followed or order.draft):
        raise Refusal(
            422,
            "The message cannot be followed, and following it is required: "
            + " ".join(
                reason["message"] for reason in reasons_shown(decision.reasons, order.language)
            ),
            (Problem("/follow", "The message cannot be followed."),),
            code="cannotFollow",
            extra={"notFollowedReasons": reasons_shown(decision.reasons, order.language)},
        )
    refuse_too_large_together(
        content.attachments,
        followed=decision.followed or order.draft,
        limit=settings.attachment_limit,
    )
    return decision


async def with_recipient_zone(organization: Organization, order: Order, now: datetime) -> Order:
    """The order with its one recipient's time zone, where known, beside a time that is to come:
    who looks at the message sees both clocks (rule D3)."""
    time, recipients = order.send_time, order.content.recipients
    if time is None or time.recommended or order.status(now) is not Status.SCHEDULED:
        return order
    zone = None
    if len(recipients) == 1:
        zone = await zone_of_recipient(organization, recipients[0], now)
    return replace(order, send_time=replace(time, recipient_zone=zone.name if zone else None))


def message_row(order: Order, decision: Decision, message: str, now: datetime) -> MessageRow:
    """The row of a message that was just given, whatever it was before."""
    recipients = order.content.recipients
    status = order.status(now)
    copies = new_copies(order.content)
    due_at = now + WATCH if status is Status.ACCEPTED else None
    if status is Status.SCHEDULED and order.send_time is not None:
        due_at = order.send_time.at
    row = MessageRow(
        id=message,
        status=status,
        seller=order.seller,
        from_=order.from_,
        subject=order.content.subject,
        to_text=_to_text(recipients),
        recipient_count=len(recipients),
        followed=decision.followed,
        follow_choice=order.follow,
        reasons=decision.reasons,
        language=order.language,
        copies=len(copies),
        attachments=max((one.number for one in order.content.attachments), default=0),
        accepted_at=now,
        send_time=order.send_time,
        reminder=order.reminder,
        due_at=due_at,
        kpis=Kpis(human_openers=0 if copies[0].recipient else None),
    )
    return with_reminder(row)


def files_to_upload(message: MessageRow, content: Content) -> list[Attachment]:
    """The files that shall be in OneDrive: those that are followed, once it is no draft (T5), and
    unless it failed."""
    if message.status in (Status.DRAFT, Status.FAILED) or not message.followed:
        return []
    return [one for one in content.attachments if one.follow]


async def put_in_schedule(organization: Organization, message: MessageRow, now: datetime) -> None:
    """The rows that bring the message up when it is due, and its reminder; a draft never is."""
    if message.status is not Status.DRAFT:
        await put_reminder(organization, message)
    if message.status is Status.SCHEDULED:
        await put_scheduled(organization, message, now)
    elif message.due_at is not None:
        await put_due(organization, message.id, message.due_at)


def answer_about(
    organization: Organization, message: MessageRow, language: str, bounced: Sequence[str] = ()
) -> dict[str, Any]:
    """What the API answers to who gave or changed a message; `bounced` are those of its addresses
    that a hard bounce named before."""
    return {
        "id": message.id,
        "status": message.status.value,
        "followed": message.followed,
        "notFollowedReasons": reasons_shown(message.reasons, language),
        "warnings": warnings_shown(bounced, language),
        "links": {"self": f"/api/orgs/{organization.id}/messages/{message.id}"},
    }


async def _reserve(
    organization: Organization,
    message: MessageRow,
    language: str,
    bounced: Sequence[str],
    key: IdempotencyKey,
    clock: Callable[[], datetime],
) -> str | dict[str, Any]:
    """The id the message has, or the answer where somebody else was first with this key."""
    while True:
        reserved = await reserve(
            organization,
            key.key,
            key.body,
            message.id,
            lambda id_: answer_about(organization, replace(message, id=id_), language, bounced),
            clock(),
        )
        if reserved is not None:
            return reserved
        answer = await known_answer(organization, key.key, key.body, clock)
        if answer is not None:
            return answer


async def _store(
    organization: Organization, message: MessageRow, order: Order, now: datetime, words: Words
) -> None:
    content = order.content
    await put_in_schedule(organization, message, now)
    # A message that waits has nobody who writes its lists, should we die before we do.
    waits = message.status is not Status.ACCEPTED
    todo: list[Write] = []
    if waits:
        message, write = with_todo(message)
        todo = [write]
        await put_look(organization, message.id, message.version, now)
    await store_files(organization, message.id, order.files, now)
    await store_content(organization, message.id, content)
    uploads = files_to_upload(message, content)
    files = [new_file(one) for one in uploads]
    try:
        await create_message(organization, message, new_copies(content), files, todo)
    except Conflict:
        # An attempt with the same key that we took for dead has stored it: that is the message.
        return
    # Who delivers says the words about files; what waits is uploaded at once all the same (S2).
    numbers = [one.number for one in uploads] if waits else []
    keys = [write.row["RowKey"] for write in todo]
    done = await follow_up(organization, message, words, now, files=numbers, todo=keys)
    if waits and done:
        await remove_look(organization, message.id, message.version, now)


def _to_text(recipients: Sequence[Recipient]) -> str:
    shown = [f"{one.name} <{one.address}>" if one.name else one.address for one in recipients]
    text = ", ".join(shown)
    return text if len(text) <= _LONGEST_TO_TEXT else text[: _LONGEST_TO_TEXT - 1] + "…"
