"""Learning what came into a mailbox: one message that Graph told of, or all since an instant.

Both end in `take_in`, which may be given a mail twice: by two notifications, by a notification and
the look that follows, or after a crash.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import Transient
from shared.graph.errors import GraphError, NotFound, Refused
from shared.graph.inbox import Arrival, ReceivedMail
from shared.replies.mailboxes import LEASE, Found, WatchedMailbox, change
from shared.replies.watcher import Watcher

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=2)
"""What was received that long before the last look is looked at again: clocks differ, and a list
can lag behind."""

_SHUT = (401, 403)
"""What is refused so is the mailbox. What is refused otherwise is one mail, for good: the others
must not wait for it."""


async def learn(watcher: Watcher, mailbox: WatchedMailbox, message: str) -> None:
    """Take in one message of the mailbox, if it is somebody else's and still there."""
    if not watcher.wants(mailbox):
        return
    try:
        mail = await watcher.inbox.one(mailbox.address, message)
    except NotFound:
        # Deleted since, or a draft that was discarded.
        return
    if _is_of_others(mail, mailbox) and watcher.settings.collected_at(mail.received_at):
        await watcher.take_in(watcher.organization, watcher.inbox, mailbox.address, mail)


async def catch_up(watcher: Watcher, found: Found) -> tuple[datetime, bool]:
    """Take in what came since the mailbox was last looked at; returns up to when, and whether that
    is all. It is not where the pace, or whoever took the mailbox over, ended it.

    After each page the row says how far it came, so that an end in between costs one page.
    """
    started, mailbox = watcher.clock(), found.mailbox
    seen, first = mailbox.seen_until, True
    async for page in watcher.inbox.received_since(mailbox.address, seen - OVERLAP):
        if not first and not (await _recorded(watcher, found, seen) and await watcher.pace.take()):
            return seen, False
        first = False
        for arrival in page:
            collected = watcher.settings.collected_at(arrival.received_at)
            if collected and _is_of_others(arrival, mailbox):
                await _learn_in_passing(watcher, mailbox, arrival.id)
            seen = max(seen, arrival.received_at)
    return max(seen, started), True


async def _learn_in_passing(watcher: Watcher, mailbox: WatchedMailbox, message: str) -> None:
    try:
        await learn(watcher, mailbox, message)
    except (GraphError, Transient) as error:
        if not isinstance(error, Refused) or error.status in _SHUT:
            raise
        log.warning("a mail of %s cannot be read: %s", watcher.organization.id, error)
    except Exception:
        # One mail that breaks us must not keep the others waiting; it is met again for a while.
        log.exception("a mail of %s could not be taken in", watcher.organization.id)


async def _recorded(watcher: Watcher, found: Found, seen: datetime) -> bool:
    """Says how far we came, and that we are still at it; False where it is no longer ours."""
    until = watcher.clock() + LEASE
    return (
        await change(
            watcher.organization,
            found,
            lambda mailbox: (
                replace(mailbox, seen_until=seen, busy_until=until)
                if mailbox.owner == watcher.owner
                else None
            ),
        )
        is not None
    )


def _is_of_others(mail: Arrival | ReceivedMail, mailbox: WatchedMailbox) -> bool:
    """Not a draft, and not what the mailbox sent itself: Exchange tells of those, too."""
    return not mail.is_draft and mail.from_[0].lower() != mailbox.address
