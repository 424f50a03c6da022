"""Watching mailboxes: a subscription for each, kept alive, and asking where nothing was told.

`keep` does for all mailboxes of an organization what is due; `hear` does what Graph told of one.
What is due is a pure decision over the mailbox's row. A run does as much as the pace allows, the
subscriptions first, and the next run goes on. Everything may happen twice: two subscriptions tell
the same things until one expires, and taking in a mail twice is harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import IntEnum

from shared.errors import Changed, Transient
from shared.graph.errors import GraphError, NotFound, Refused, told_to_wait
from shared.graph.subscriptions import LIFE
from shared.replies.learning import catch_up, learn
from shared.replies.mailboxes import (
    LEASE,
    Found,
    WatchedMailbox,
    change,
    find_watched,
    watch_all,
    watched,
    write,
)
from shared.replies.notifications import News, mailbox_key
from shared.replies.watcher import Watcher
from shared.web.zone_names import iana_name

log = logging.getLogger(__name__)

_RENEWED_AFTER = timedelta(hours=20)
_RENEWED_WITHIN = timedelta(hours=4)
"""Renewals are spread over these hours of the day by the mailbox's key."""
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=1)
_LOOK_PAUSE = timedelta(minutes=1)
_ZONE_ASKED_EVERY = timedelta(days=1)
_ZONE_PAUSE = timedelta(hours=1)
_AT_ONCE = 4
_MOST_STEPS = 4

TELLS_AFTER = 6
"""Failures in a row, about ten minutes, after which somebody must look at it."""

Step = Callable[[WatchedMailbox], WatchedMailbox]
"""What doing something changes of the row, whatever else was changed of it meanwhile."""


class Due(IntEnum):
    """What a mailbox needs next; what comes first is more urgent."""

    SUBSCRIBE = 1
    RENEW = 2
    UNSUBSCRIBE = 3
    LOOK = 4
    ASK_ZONE = 5


def decide(
    mailbox: WatchedMailbox,
    now: datetime,
    *,
    wanted: bool,
    signed_by: str,
    look_every: timedelta,
) -> Due | None:
    """What the mailbox needs now, if anything; `signed_by` is the key that signs now."""
    if _is_ahead(mailbox.busy_until, now):
        return None
    # A mailbox that cannot be subscribed to now is looked into all the same.
    if not _is_ahead(mailbox.not_before, now):
        if not wanted:
            return Due.UNSUBSCRIBE if mailbox.subscription else None
        if not mailbox.is_told_of(now) or mailbox.signed_by != signed_by:
            return Due.SUBSCRIBE
        assert mailbox.expires_at is not None
        if mailbox.renew or now >= mailbox.expires_at - LIFE + renewed_after(mailbox.key):
            return Due.RENEW
    if not wanted:
        return None
    if not _is_ahead(mailbox.look_after, now) and (
        mailbox.looked_at is None or now >= mailbox.looked_at + look_every
    ):
        return Due.LOOK
    return None if _is_ahead(mailbox.zone_after, now) else Due.ASK_ZONE


def renewed_after(key: str) -> timedelta:
    """How long after its last renewal the subscription of that mailbox is renewed."""
    return _RENEWED_AFTER + _RENEWED_WITHIN * (int(key[:8], 16) / 0xFFFFFFFF)


def _is_ahead(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and now < instant


async def keep(watcher: Watcher) -> None:
    """Do what is due for all mailboxes of the organization, as far as the pace allows: one step for
    each, so that all are told of before any is looked into."""
    now = watcher.clock()
    found = {one.mailbox.address: one async for one in watched(watcher.organization)}
    await watch_all(
        watcher.organization, set(watcher.settings.sending_mailboxes) - found.keys(), now
    )
    _say_what_ran_out(watcher, [one.mailbox for one in found.values()], now)
    order = sorted(
        (due, one.mailbox.looked_at or one.mailbox.seen_until, address)
        for address, one in found.items()
        if (due := _due(watcher, one.mailbox)) is not None
    )
    places = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(address: str) -> None:
        async with places:
            try:
                await attend(watcher, found[address], steps=1)
            except Exception:
                # It stays claimed for a while; the other mailboxes must not wait for it.
                log.exception("a mailbox of %s is not watched now", watcher.organization.id)

    await asyncio.gather(*(in_turn(address) for _, _, address in order))


def _say_what_ran_out(watcher: Watcher, mailboxes: list[WatchedMailbox], now: datetime) -> None:
    """Renewals begin two days before the end: what ran out all the same, nobody could renew."""
    number = sum(
        one.subscription is not None and not one.is_told_of(now) and watcher.wants(one)
        for one in mailboxes
    )
    if number:
        # An alert is on this line (docs/operations.md).
        log.error("%d subscriptions of %s have run out", number, watcher.organization.id)


async def hear(watcher: Watcher, news: News) -> None:
    """Do what Graph's news ask for: learn of a message, or see after a subscription."""
    found = await find_watched(watcher.organization, news.mailbox)
    if found is None:
        return
    if news.message:
        await learn(watcher, found.mailbox, news.message)
        return
    told = await change(watcher.organization, found, lambda mailbox: _told(mailbox, news))
    if told is not None:
        await attend(watcher, told, steps=_MOST_STEPS)


async def look_now(watcher: Watcher, address: str) -> bool:
    """Look into one mailbox now; whether all that it received until this moment is taken in.

    A mailbox that is not watched has nothing to tell. Nobody else may be at it, and the pace must
    allow it: where not, it is False, and to be asked again.
    """
    asked, key = watcher.clock(), mailbox_key(address)
    found = await find_watched(watcher.organization, key)
    if found is None or not watcher.wants(found.mailbox):
        return True
    at_once = await change(
        watcher.organization, found, lambda mailbox: replace(mailbox, looked_at=None)
    )
    if at_once is not None:
        await attend(watcher, at_once, steps=_MOST_STEPS)
    after = await find_watched(watcher.organization, key)
    return after is None or after.mailbox.seen_until >= asked


async def attend(watcher: Watcher, found: Found, *, steps: int) -> None:
    """Do for one mailbox what is due, step by step, unless somebody else is at it."""
    for _ in range(steps):
        due = _due(watcher, found.mailbox)
        if due is None or not await watcher.pace.take():
            return
        claim = replace(found.mailbox, owner=watcher.owner, busy_until=watcher.clock() + LEASE)
        try:
            found = await write(watcher.organization, found, claim)
        except Changed:
            watcher.pace.give_back()
            return
        done = await _done(watcher, due, found)
        after = await change(
            watcher.organization,
            found,
            lambda mailbox: (
                replace(done(mailbox), owner=None, busy_until=None)  # noqa: B023
                if mailbox.owner == watcher.owner
                else None
            ),
        )
        if after is None:
            return
        found = after


async def _done(watcher: Watcher, due: Due, found: Found) -> Step:
    try:
        return await _DOING[due](watcher, found)
    except (GraphError, Transient) as error:
        log.warning("a mailbox of %s, %s: %s", watcher.organization.id, due.name.lower(), error)
        at_least = timedelta(seconds=told_to_wait(error) or 0)
        if due is Due.LOOK:
            again = watcher.clock() + max(at_least, min(_LOOK_PAUSE, watcher.look_every))
            return lambda mailbox: replace(mailbox, look_after=again)
        if found.mailbox.failures + 1 >= TELLS_AFTER:
            # An alert is on this line (docs/operations.md).
            log.error("a mailbox of %s could not be watched: %s", watcher.organization.id, error)
        return _failed(error, watcher.clock(), at_least)


async def _subscribe(watcher: Watcher, found: Found) -> Step:
    mailbox, now = found.mailbox, watcher.clock()
    state = watcher.states.of(watcher.organization.id, mailbox.key)
    made = await watcher.subscriptions.create(mailbox.address, watcher.address, state, now)
    if mailbox.subscription is not None and mailbox.is_told_of(now):
        # The old one would tell everything again until it expires, and no more than that.
        with contextlib.suppress(GraphError):
            await watcher.subscriptions.remove(mailbox.subscription)
    return lambda changed: replace(
        _well(changed),
        subscription=made.id,
        created_at=now,
        expires_at=made.expires_at,
        signed_by=watcher.states.signed_by,
        renew=False,
        # What came while nobody told us is looked for at once.
        looked_at=None,
    )


async def _renew(watcher: Watcher, found: Found) -> Step:
    subscription = found.mailbox.subscription
    assert subscription is not None
    try:
        renewed = await watcher.subscriptions.renew(subscription, watcher.clock())
    except NotFound:
        return lambda changed: _without(changed, subscription)
    return lambda changed: (
        replace(_well(changed), expires_at=renewed.expires_at, renew=False)
        if changed.subscription == subscription
        else changed
    )


async def _unsubscribe(watcher: Watcher, found: Found) -> Step:
    subscription = found.mailbox.subscription
    assert subscription is not None
    await watcher.subscriptions.remove(subscription)
    return lambda changed: _without(changed, subscription)


async def _look(watcher: Watcher, found: Found) -> Step:
    started, before = watcher.clock(), found.mailbox.looked_at
    seen, whole = await catch_up(watcher, found)

    def looked(changed: WatchedMailbox) -> WatchedMailbox:
        # Who asked for another look while this one was under way shall get it.
        again = not whole or changed.looked_at != before
        at = changed.looked_at if again else started
        return replace(changed, seen_until=seen, looked_at=at, look_after=None)

    return looked


async def _ask_zone(watcher: Watcher, found: Found) -> Step:
    """Nothing waits for it: where it is not told, what was known stays, and it is asked later."""
    again = _ZONE_ASKED_EVERY
    try:
        zone = iana_name(await watcher.inbox.time_zone(found.mailbox.address))
    except GraphError as error:
        log.info("the zone of a mailbox of %s is not told: %s", watcher.organization.id, error)
        zone = found.mailbox.time_zone
        if not isinstance(error, NotFound | Refused):
            again = max(timedelta(seconds=told_to_wait(error) or 0), _ZONE_PAUSE)
    asked_again = watcher.clock() + again
    return lambda mailbox: replace(mailbox, time_zone=zone, zone_after=asked_again)


_DOING: Mapping[Due, Callable[[Watcher, Found], Awaitable[Step]]] = {
    Due.SUBSCRIBE: _subscribe,
    Due.RENEW: _renew,
    Due.UNSUBSCRIBE: _unsubscribe,
    Due.LOOK: _look,
    Due.ASK_ZONE: _ask_zone,
}


def _due(watcher: Watcher, mailbox: WatchedMailbox) -> Due | None:
    return decide(
        mailbox,
        watcher.clock(),
        wanted=watcher.wants(mailbox),
        signed_by=watcher.states.signed_by,
        look_every=watcher.look_every,
    )


def _told(mailbox: WatchedMailbox, news: News) -> WatchedMailbox | None:
    """What a lifecycle event changes; None for one of a subscription that is no longer ours."""
    if news.event == "missed":
        return replace(mailbox, looked_at=None)
    if mailbox.subscription != news.subscription:
        return None
    if news.event == "reauthorizationRequired":
        return replace(mailbox, renew=True)
    return _without(mailbox, news.subscription)


def _without(mailbox: WatchedMailbox, subscription: str) -> WatchedMailbox:
    if mailbox.subscription != subscription:
        return mailbox
    return replace(
        mailbox, subscription=None, created_at=None, expires_at=None, signed_by=None, renew=False
    )


def _well(mailbox: WatchedMailbox) -> WatchedMailbox:
    return replace(mailbox, failures=0, problem=None, not_before=None)


def _failed(error: GraphError | Transient, now: datetime, at_least: timedelta) -> Step:
    """The subscription is tried again after longer and longer pauses."""
    problem = error.code if isinstance(error, NotFound | Refused) else type(error).__name__

    def failed(mailbox: WatchedMailbox) -> WatchedMailbox:
        grown = min(_FIRST_PAUSE * 2 ** min(mailbox.failures, 10), _LONGEST_PAUSE)
        again = now + max(grown, at_least)
        return replace(mailbox, failures=mailbox.failures + 1, problem=problem, not_before=again)

    return failed
