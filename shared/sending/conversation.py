"""The conversation that a message continues (rule S1): the mail it answers, and a draft in its
thread.

Exchange makes the draft, with what keeps a thread together in everybody's mail program and with the
mail it quotes. What it quotes is kept before the draft is changed, so that every attempt to send
says the same, and a draft that an earlier attempt left half made can be gone on with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from shared.errors import Problem, Refusal
from shared.graph.errors import NotFound
from shared.graph.mail import FoundMessage
from shared.messages.content import load_quote, store_quote
from shared.messages.reading import is_seen
from shared.messages.rows import MESSAGE_ID
from shared.messages.stored import Stored, read_message
from shared.model import Failure, Quote, Recipient, Step
from shared.organizations import Organization
from shared.sending.attempt import Attempt, Failed, Postponed

MOVE_TO_SENT = timedelta(minutes=2)
"""How long Exchange may take to have a mail we sent among those that can be answered."""

_LOOK_AGAIN_S = 10.0


async def refuse_unknown(
    organization: Organization,
    in_reply_to: str | None,
    recipients: Sequence[Recipient],
    seen_by: str | None,
) -> None:
    """422 where a message of ours should be answered that is not there, not to be seen by that
    seller, or not sent. Mails that are not ours are looked for when the answer is sent."""
    if in_reply_to is None or not MESSAGE_ID.fullmatch(in_reply_to):
        return
    stored = await read_message(organization, in_reply_to)
    if stored is None or not is_seen(stored.message, seen_by):
        detail = "There is no such message."
    elif answered_mail(stored, recipients) is None:
        detail = "This message was not sent to any of these recipients (yet)."
    else:
        return
    raise Refusal(422, "The message to answer cannot be.", (Problem("/inReplyTo", detail),))


def answered_mail(stored: Stored, recipients: Sequence[Recipient]) -> str | None:
    """The `<Message-ID>` of what was sent of a message of ours; None where nothing was.

    Of individual copies that of one of the recipients: nobody else's may be quoted to them.
    """
    sent = [
        copy
        for _, copy in sorted(stored.copies.items())
        if copy.step is Step.SENT and copy.internet_message_id
    ]
    if stored.message.copies > 1:
        addresses = {one.address.lower() for one in recipients}
        sent = [copy for copy in sent if (copy.recipient or "").lower() in addresses]
    return sent[0].internet_message_id if sent else None


async def reply_draft(
    attempt: Attempt,
    number: int,
    in_reply_to: str,
    recipients: Sequence[Recipient],
    send_key: str,
    found: FoundMessage | None,
) -> tuple[FoundMessage, Quote]:
    """The draft of a copy in the thread of what it answers, and what it quotes.

    `found` is the draft that an earlier attempt made. A new one says nothing of ours yet.
    """
    mail, mailbox, message = attempt.workshop.mail, attempt.message.from_, attempt.message.id
    draft = found
    if draft is None:
        answered = await _find_answered(attempt, in_reply_to, recipients)
        try:
            draft = await attempt.ask(mail.create_reply(mailbox, answered.id, send_key))
        except Failed as failed:
            raise _or_not_found(failed, attempt) from failed
    quote = await load_quote(attempt.organization, message, number)
    if quote is None:
        body = await attempt.ask(mail.body_of(mailbox, draft.id))
        quote = Quote(body.content, body.is_html)
        await store_quote(attempt.organization, message, number, quote)
    return draft, quote


async def _find_answered(
    attempt: Attempt, in_reply_to: str, recipients: Sequence[Recipient]
) -> FoundMessage:
    """The mail in the sending mailbox; one that we sent a moment ago is waited for."""
    internet_id, sent_at = in_reply_to, None
    if MESSAGE_ID.fullmatch(in_reply_to):
        stored = await read_message(attempt.organization, in_reply_to)
        ours = answered_mail(stored, recipients) if stored else None
        if stored is None or ours is None:
            raise _not_found(attempt)
        internet_id, sent_at = ours, stored.message.sent_at
    mail, mailbox = attempt.workshop.mail, attempt.message.from_
    found = await attempt.ask(mail.find_by_internet_message_id(mailbox, internet_id))
    answered = next((one for one in found if not one.is_draft), None)
    if answered is not None:
        return answered
    if sent_at is not None and attempt.now - sent_at < MOVE_TO_SENT:
        raise Postponed(_LOOK_AGAIN_S)
    raise _not_found(attempt)


def _or_not_found(failed: Failed, attempt: Attempt) -> Failed:
    cause = failed.__cause__
    gone = isinstance(cause, NotFound) and not cause.mailbox_unknown
    return _not_found(attempt) if gone else failed


def _not_found(attempt: Attempt) -> Failed:
    failure = Failure("conversationNotFound", {"address": attempt.message.from_})
    return Failed(failure, of_copy=True)
