"""What follows from a message that was stored or changed: its lists, and words to the queues.

A word may be lost, or come twice. What cannot be done now is made up for by the timer, when it
looks at the message.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.errors import StorageUnavailable
from shared.messages.rows import MessageRow
from shared.messages.todo import drain
from shared.model import Status
from shared.organizations import Organization
from shared.sending.due import Announce, Deliver, is_soon

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """How words are said: that a message may be delivered, that it is due at an instant, that a
    file of it is to be brought where it shall be."""

    deliver: Deliver
    announce: Announce
    upload: Callable[[str, int], Awaitable[None]]


async def follow_up(
    organization: Organization,
    message: MessageRow,
    words: Words,
    now: datetime,
    *,
    files: Iterable[int] = (),
    todo: Sequence[str] = (),
    left: Sequence[str] = (),
) -> bool:
    """Brings the lists up to date, then says the words; whether all of it was done.

    `files` are those that are on their way to OneDrive or away from it.
    """
    listed = await _done(message.id, drain(organization, message, todo, history=(), left=left))
    said = await _done(message.id, _say(message, words, now, files))
    return listed and said


async def _say(message: MessageRow, words: Words, now: datetime, files: Iterable[int]) -> None:
    if message.status is Status.ACCEPTED:
        await words.deliver(message.id)
    elif message.status is Status.SCHEDULED:
        assert message.due_at is not None
        if is_soon(message.due_at, now):
            await words.announce(message.id, message.due_at)
    for number in files:
        await words.upload(message.id, number)


async def _done(message: str, work: Awaitable[None]) -> bool:
    try:
        await work
    except StorageUnavailable as error:
        log.warning("what follows for message %s waits for the next look at it: %s", message, error)
        return False
    return True
