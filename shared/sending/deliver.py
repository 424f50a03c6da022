"""Delivering a message: its lease, its files, its copies one after the other, and its end.

Never twice, never lost. One worker holds the message's lease; each step is recorded before the next
begins, so that whoever comes after a crash goes on where it stopped (`one_copy` tells how). Copies
end by themselves: some may fail while others are sent, and the message's status says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.assistant.facts import Card, cards_of, differing
from shared.attachments.staging import too_large_together
from shared.errors import Busy, Changed, Lost
from shared.graph.mail import FoundMessage
from shared.messages.content import load_content
from shared.messages.feeds import list_message
from shared.messages.rows import CopyRow, MessageRow
from shared.messages.stored import MOST_COPIES_WRITTEN, Stored, read_message
from shared.messages.todo import drain, drain_left_behind, with_todo
from shared.model import Content, Failure, FollowChoice, Status, Step
from shared.organizations import Organization, OrganizationSettings
from shared.sending.attempt import (
    GIVE_UP,
    Attempt,
    Failed,
    NotItsTurn,
    Postponed,
    Unclear,
    Workshop,
    begun_copies,
    lease_rest,
    with_ids,
)
from shared.sending.due import EARLY_WORD, WATCH, put_due, remove_due
from shared.sending.follow import Decision, decide_follow
from shared.sending.followed_files import (
    files_are_on_their_way,
    forget_staged,
    link_files,
    release_files,
    say_which_leave,
)
from shared.sending.one_copy import OneCopy
from shared.storage.tables import Write
from shared.timing.reminders import with_reminder
from shared.timing.reminding import put_reminder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Later:
    """The message is not finished; whoever is told should come again after this many seconds."""

    seconds: float


async def deliver(workshop: Workshop, message: str) -> Later | None:
    """Takes a message as far as it can get now; None when it is finished, or gone.

    Raises `StorageUnavailable` where storage fails in between: the next attempt goes on.
    """
    organization = workshop.organization
    stored = await read_message(organization, message)
    if stored is None:
        await say_which_leave(workshop, message)
        return None
    if stored.message.status.is_final or stored.message.status.is_waiting:
        await _tidy(workshop, stored.message)
        return None
    now = workshop.clock()
    held = lease_rest(stored.message, now)
    if held.total_seconds() > 0:
        return Later(held.total_seconds() + 1)
    if stored.message.not_before is not None and stored.message.not_before > now:
        early = stored.message.not_before - now
        # Another word for it is on its way, for then; should that one be lost, the timer has it.
        return Later(early.total_seconds()) if early <= EARLY_WORD else None
    if await files_are_on_their_way(workshop, stored.message) and await _is_still_followed(
        workshop, stored.message
    ):
        # Whoever brings the last one says the word; should it be lost, the timer has the message.
        return None
    try:
        attempt = await Attempt.begin(workshop, stored)
    except (Changed, Busy):
        return Later(1)
    return await _run(attempt)


async def end_as_unexpected(workshop: Workshop, message: str) -> None:
    """Ends a message that made its delivery fail again and again (the poison queue)."""
    stored = await read_message(workshop.organization, message)
    if stored is None or stored.message.status.is_final or stored.message.status.is_waiting:
        return
    if lease_rest(stored.message, workshop.clock()).total_seconds() > 0:
        raise Busy("another delivery is at work on this message")
    await _fail(await Attempt.begin(workshop, stored), Failure("unexpected"))


async def _run(attempt: Attempt) -> Later | None:
    """One attempt; whatever ends it, its place among those at work is free again."""
    try:
        later = await _send_copies(attempt)
    except Failed as failed:
        await _fail(attempt, failed.failure)
        return None
    except Postponed as postponed:
        return await _postpone(attempt, postponed)
    except Lost as lost:
        log.error("message %s cannot be sent: %s", attempt.message.id, lost)
        await _fail(attempt, Failure("fileLost"))
        return None
    except Exception:
        # An outage, or what nobody foresaw: the next attempt need not wait for the lease.
        await attempt.let_go()
        raise
    finally:
        await attempt.leave()
    return later


async def _send_copies(attempt: Attempt) -> Later | None:
    """Every copy that has not ended, one after the other."""
    try:
        content = await load_content(attempt.organization, attempt.message)
    except Lost as lost:
        raise Failed(Failure("contentLost")) from lost
    settings = await attempt.organization.settings()
    await _decide_follow_again(attempt, content, settings)
    await (link_files(attempt, content) if attempt.message.followed else release_files(attempt))
    unclear: list[float] = []
    for number in attempt.stored.open_copies:
        copy = OneCopy(attempt, number)
        try:
            if copy.copy.step is not Step.SENDING:
                await attempt.take_turn(number, settings)
            sent = await copy.deliver(content)
        except Unclear as waits:
            unclear.append(waits.seconds)
        except Failed as failed:
            if not failed.of_copy:
                raise
            await _fail_copy(copy, failed.failure)
        else:
            await _end_copy(attempt, number, sent)
    return await _postpone(attempt, Unclear(min(unclear))) if unclear else None


async def _decide_follow_again(
    attempt: Attempt, content: Content, settings: OrganizationSettings
) -> None:
    """What was true when accepted may be so no more when sending begins (rule F1)."""
    gone = any(_may_be_sent(copy) for copy in attempt.stored.copies.values())
    if gone or not attempt.message.followed:
        return
    decision = await _decision(attempt.organization, attempt.message, content, settings)
    if decision.followed:
        return
    for row in begun_copies(attempt):
        copy = OneCopy(attempt, row.number)
        found = await copy.look_up()
        if found is not None:
            mail, mailbox = attempt.workshop.mail, attempt.message.from_
            await attempt.ask(mail.delete_message(mailbox, found.id))
        await copy.forget_links()
    if attempt.message.follow_choice is FollowChoice.REQUIRED:
        raise Failed(Failure("cannotFollow"))
    limit = settings.attachment_limit
    if too_large_together(content.attachments, followed=False, limit=limit):
        raise Failed(Failure("attachmentsTooLarge", {"limit": f"{limit // 1024**2} MB"}))
    await attempt.write(
        lambda message: with_reminder(replace(message, followed=False, reasons=decision.reasons))
    )


async def _is_still_followed(workshop: Workshop, message: MessageRow) -> bool:
    """Nobody waits for files of a message that is not followed any more, or whose content is
    gone."""
    organization = workshop.organization
    try:
        content, settings = await asyncio.gather(
            load_content(organization, message), organization.settings()
        )
    except Lost:
        return False
    return (await _decision(organization, message, content, settings)).followed


async def _decision(
    organization: Organization,
    message: MessageRow,
    content: Content,
    settings: OrganizationSettings,
) -> Decision:
    return await decide_follow(
        organization,
        settings,
        content.recipients,
        message.follow_choice,
        has_html=content.html is not None,
    )


async def _end_copy(attempt: Attempt, number: int, found: FoundMessage | None) -> None:
    """The copy is sent; `found` is what Graph knows of it where that was looked up."""
    now = attempt.now

    def sent(copy: CopyRow) -> CopyRow:
        at = (found.sent_at if found else None) or now
        return with_ids(replace(copy, step=Step.SENT, step_at=now, sent_at=at, failure=None), found)

    await _end(attempt, [number], sent)


async def _fail_copy(copy: OneCopy, failure: Failure) -> None:
    """This copy will not be sent, or is left to people where nobody can tell."""
    attempt, number = copy.attempt, copy.number
    unclear = copy.copy.step is Step.SENDING
    if not unclear:
        await copy.discard_drafts()
    others = [row for row in attempt.stored.copies.values() if row.number != number]
    if not unclear and all(row.step is Step.FAILED for row in others):
        await release_files(attempt)
    await _end(attempt, [number], lambda row: _failed(row, failure, attempt))


async def _fail(attempt: Attempt, failure: Failure) -> None:
    """Ends every copy that has not ended; those whose `/send` is unclear may have been sent."""
    for row in begun_copies(attempt):
        if row.step is not Step.SENDING:
            await OneCopy(attempt, row.number).discard_drafts()
    if not any(_may_be_sent(row) for row in attempt.stored.copies.values()):
        await release_files(attempt)
    numbers = attempt.stored.open_copies
    for start in range(0, len(numbers), MOST_COPIES_WRITTEN):
        part = numbers[start : start + MOST_COPIES_WRITTEN]
        await _end(attempt, part, lambda row: _failed(row, failure, attempt))


def _may_be_sent(copy: CopyRow) -> bool:
    return copy.step in (Step.SENDING, Step.SENT, Step.NEEDS_REVIEW)


def _failed(copy: CopyRow, failure: Failure, attempt: Attempt) -> CopyRow:
    if copy.step is Step.SENDING:
        failure = Failure("mayHaveBeenSent")
        return replace(copy, step=Step.NEEDS_REVIEW, step_at=attempt.now, failure=failure)
    return replace(copy, step=Step.FAILED, step_at=attempt.now, failure=failure)


async def _end(
    attempt: Attempt, numbers: Sequence[int], ended: Callable[[CopyRow], CopyRow]
) -> None:
    """Writes how copies ended; with the last one the message ends, and what follows is done."""
    todo_keys: list[str] = []
    cards: dict[str, Card | None] = {}
    due_at = attempt.message.due_at

    def end(stored: Stored) -> tuple[MessageRow, Sequence[CopyRow], Sequence[Write]]:
        copies = [ended(stored.copies[number]) for number in numbers]
        all_copies = {**stored.copies, **{copy.number: copy for copy in copies}}
        open_ = [number for number in sorted(all_copies) if not all_copies[number].step.is_final]
        if open_:
            return (
                replace(stored.message, begun=max(stored.message.begun, open_[0] + 1)),
                copies,
                (),
            )
        message = _ended(stored.message, list(all_copies.values()))
        message = with_reminder(message, all_copies.values())
        before = cards_of(stored.message, stored.copies.values())
        cards.clear()
        cards.update(differing(before, cards_of(message, all_copies.values())))
        message, todo = with_todo(message, cards=cards)
        todo_keys[:] = [todo.row["RowKey"]]
        return message, copies, [todo]

    # Its time may have passed while the message waited to be sent.
    await put_reminder(attempt.organization, attempt.message, not_before=attempt.now)
    await attempt.write_copies(end)
    if not todo_keys:
        return
    if attempt.message.failure is not None:
        log.warning(
            "message %s of %s ends with a failure: %s",
            attempt.message.id,
            attempt.organization.id,
            attempt.message.failure.code,
        )
    else:
        log.info("message %s of %s is sent", attempt.message.id, attempt.organization.id)
    copies = attempt.stored.copies.values()
    await drain(attempt.organization, attempt.message, todo_keys, history=copies, cards=cards)
    await forget_staged(attempt.organization, attempt.message)
    await remove_due(attempt.organization, attempt.message.id, due_at)


def _ended(message: MessageRow, copies: Sequence[CopyRow]) -> MessageRow:
    """The message when none of its copies is under way any more."""
    sent = [copy.sent_at for copy in copies if copy.sent_at is not None]
    failed = [copy.failure for copy in copies if copy.failure is not None]
    failure: Failure | None = None
    if not failed:
        status = Status.SENT
    elif sent:
        status = Status.PARTLY_SENT
        failure = Failure("someNotSent", {"count": str(len(failed))})
    else:
        status = Status.FAILED
        unclear = (one for one in failed if one.code == "mayHaveBeenSent")
        failure = next(unclear, failed[0])
    return replace(
        message,
        status=status,
        failure=failure,
        sent_at=max(sent, default=None),
        due_at=None,
        turn=None,
        lease_owner="",
        lease_until=None,
    )


async def _postpone(attempt: Attempt, postponed: Postponed) -> Later | None:
    """Lets the lease go until later; after a day of troubles the message ends as failed."""
    now, before = attempt.now, attempt.message.due_at
    since = attempt.message.troubled_since or now
    if not isinstance(postponed, NotItsTurn) and now - since > GIVE_UP:
        await _fail(attempt, Failure("graphUnavailable"))
        return None
    again = now + timedelta(seconds=postponed.seconds)
    due_at = again + WATCH

    def waits(message: MessageRow) -> MessageRow:
        message = replace(
            message, due_at=due_at, not_before=again, lease_owner="", lease_until=None
        )
        if isinstance(postponed, NotItsTurn):
            begun = max(attempt.begun_before, postponed.number)
            return replace(message, turn=postponed.turn, begun=begun)
        return replace(message, troubled_since=since, troubles=message.troubles + 1)

    await put_due(attempt.organization, attempt.message.id, due_at)
    await attempt.write(waits)
    await remove_due(attempt.organization, attempt.message.id, before)
    await list_message(attempt.organization, attempt.message)
    return Later(postponed.seconds)


async def _tidy(workshop: Workshop, message: MessageRow) -> None:
    """Does what somebody who died, or could not, left undone: a delivery, a change."""
    await list_message(workshop.organization, message)
    await drain_left_behind(workshop.organization, message.id)
    await forget_staged(workshop.organization, message)
    if message.attachments:
        await say_which_leave(workshop, message.id)
