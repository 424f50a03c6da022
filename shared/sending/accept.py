"""Accepting a message: everything is checked before anything is stored; what is stored is sent.

The order of writes makes a crash harmless at every point: the reservation of the idempotency key,
the row that brings the message up again, its files and its content, and then, in one transaction,
the message itself. Only that last one makes it a message. Lists and the word to the delivery queue
follow, and are made up for by whoever comes next if they are missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.attachments.staging import GivenFiles, refuse_too_large_together, store_files
from shared.errors import Conflict, Problem, Refusal, StorageUnavailable
from shared.messages.content import store_content
from shared.messages.feeds import list_message
from shared.messages.files import new_file
from shared.messages.rows import MessageRow
from shared.messages.stored import create_message, new_copies
from shared.model import Content, FollowChoice, Kpis, Recipient, Status
from shared.organizations import Organization, OrganizationSettings
from shared.sending.due import WATCH, Deliver, put_due
from shared.sending.follow import Decision, decide_follow
from shared.sending.idempotency import known_answer, reserve
from shared.sending.wording import reasons_shown

log = logging.getLogger(__name__)

_LONGEST_TO_TEXT = 500


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request to send: what, from whom, and how it is to be followed."""

    content: Content
    from_: str
    seller: str
    follow: FollowChoice
    language: str
    """Of the sentences in the answer, and of what the message says in our name."""
    files: GivenFiles = field(default_factory=GivenFiles)


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
    deliver: Deliver,
) -> dict[str, Any]:
    """Accepts the message and returns the answer to its caller; `Refusal` where it cannot be
    sent."""
    settings = await organization.settings()
    if not organization.may_send_from(order.from_, settings):
        raise Refusal(
            422,
            f"{order.from_} is not one of the organization's sending mailboxes.",
            (Problem("/from", "This mailbox is not one of the organization's sending mailboxes."),),
        )
    decision = await _decide(organization, settings, order)
    refuse_too_large_together(
        order.content.attachments,
        followed=decision.followed,
        limit=settings.attachment_limit,
    )
    now = clock()
    message = new_id()
    if key is not None:
        reserved = await _reserve(organization, order, decision, key, message, clock)
        if isinstance(reserved, dict):
            return reserved
        message = reserved
    row = _message_row(order, decision, message, now)
    await _store(organization, row, order, now)
    try:
        await deliver(message)
    except StorageUnavailable as error:
        log.warning("message %s waits for the next look at what is due: %s", message, error)
    return _answer(organization, decision, order.language, message)


async def _decide(
    organization: Organization, settings: OrganizationSettings, order: Order
) -> Decision:
    decision = await decide_follow(
        organization,
        settings,
        order.content.recipients,
        order.follow,
        has_html=order.content.html is not None,
    )
    if order.follow is FollowChoice.REQUIRED and not decision.followed:
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
    return decision


async def _reserve(
    organization: Organization,
    order: Order,
    decision: Decision,
    key: IdempotencyKey,
    message: str,
    clock: Callable[[], datetime],
) -> str | dict[str, Any]:
    """The id the message has, or the answer where somebody else was first with this key."""
    while True:
        reserved = await reserve(
            organization,
            key.key,
            key.body,
            message,
            lambda id_: _answer(organization, decision, order.language, id_),
            clock(),
        )
        if reserved is not None:
            return reserved
        answer = await known_answer(organization, key.key, key.body, clock)
        if answer is not None:
            return answer


async def _store(
    organization: Organization, message: MessageRow, order: Order, now: datetime
) -> None:
    content = order.content
    assert message.due_at is not None
    await put_due(organization, message.id, message.due_at)
    await store_files(organization, message.id, order.files, now)
    await store_content(organization, message.id, content)
    files = [new_file(one) for one in content.attachments if message.followed and one.follow]
    try:
        await create_message(organization, message, new_copies(content), files)
    except Conflict:
        # An attempt with the same key that we took for dead has stored it: that is the message.
        return
    try:
        await list_message(organization, message)
    except StorageUnavailable as error:
        # It is accepted; its delivery writes the lists again.
        log.warning("message %s is not listed yet: %s", message.id, error)


def _message_row(order: Order, decision: Decision, message: str, now: datetime) -> MessageRow:
    recipients = order.content.recipients
    copies = new_copies(order.content)
    return MessageRow(
        id=message,
        status=Status.ACCEPTED,
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
        attachments=len(order.content.attachments),
        accepted_at=now,
        due_at=now + WATCH,
        kpis=Kpis(human_openers=0 if copies[0].recipient else None),
    )


def _answer(
    organization: Organization, decision: Decision, language: str, message: str
) -> dict[str, Any]:
    return {
        "id": message,
        "status": Status.ACCEPTED.value,
        "followed": decision.followed,
        "notFollowedReasons": reasons_shown(decision.reasons, language),
        "links": {"self": f"/api/orgs/{organization.id}/messages/{message}"},
    }


def _to_text(recipients: Sequence[Recipient]) -> str:
    shown = [f"{one.name} <{one.address}>" if one.name else one.address for one in recipients]
    text = ", ".join(shown)
    return text if len(text) <= _LONGEST_TO_TEXT else text[: _LONGEST_TO_TEXT - 1] + "…"
