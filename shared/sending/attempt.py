"""One attempt at a message: its lease, what it writes down, and what it asks of Graph."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.errors import Busy, Changed, StorageUnavailable
from shared.graph.drive import Drive
from shared.graph.errors import (
    Ambiguous,
    GraphError,
    NotDone,
    NotFound,
    OutOfSpace,
    Refused,
    patience,
)
from shared.graph.mail import FoundMessage, Mail
from shared.messages.rows import TABLE, CopyRow, MessageRow
from shared.messages.stored import Stored, read_message, write_message
from shared.model import Failure, Status
from shared.organizations import Organization, OrganizationSettings
from shared.sending import pace
from shared.storage.tables import TRANSACTION_LIMIT, Write
from shared.tracking.rewrite import Own
from shared.tracking.tokens import Addresses

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE = timedelta(seconds=100)
"""Five times as long as a request to Graph may take (`service.GRAPH_TIMEOUT_S`)."""

GIVE_UP = timedelta(hours=24)
FIRST_WAIT_S, LONGEST_WAIT_S = 20.0, 600.0

# Exchange's codes, as its web services and Graph spell them.
_FULL = frozenset({"ErrorQuotaExceeded", "QuotaExceededException"})
_BLOCKED = frozenset(
    {
        "ErrorMessageSubmissionBlocked",
        "ErrorExceededMessageLimit",
        "ErrorExceededHourlyMessageLimit",
        "ErrorAccountSuspend",
        "ErrorAccountSuspendShowTierUpgrade",
    }
)
_TOO_LARGE = frozenset(
    {"ErrorMessageSizeExceeded", "ErrorItemSizeExceeded", "ErrorAttachmentSizeLimitExceeded"}
)
_DENIED = frozenset({"", "erroraccessdenied", "accessdenied", "authorization_requestdenied"})
_LONGEST_CODE = 60

NO_ROOM_S = 3.0
"""How long who finds the most at work of its mailbox that may be waits."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What delivering needs: the organization, its mail, how to build and recognize addresses.

    `owner` is new for every delivery, so that leases tell them apart.
    """

    organization: Organization
    mail: Mail
    drive: Drive
    addresses: Addresses
    own: Own
    owner: str
    clock: Callable[[], datetime]
    upload: Callable[[str, int], Awaitable[None]]
    """Says the word that a file of a message is to be brought where it shall be."""


class Postponed(Exception):
    """The message waits; nothing more can be done now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


class Unclear(Postponed):
    """Whether this copy was sent will be known then; others need not wait for it."""


class NotItsTurn(Postponed):
    """Its mailbox sends as fast as it may; its turn comes then. The copy was not begun."""

    def __init__(self, seconds: float, turn: datetime, number: int) -> None:
        super().__init__(seconds)
        self.turn = turn
        self.number = number


class Failed(Exception):
    """The copy will not be sent any more, for this reason; nor will any other copy of the message
    where the reason is not `of_copy` alone."""

    def __init__(self, failure: Failure, *, of_copy: bool = False) -> None:
        super().__init__(failure.code)
        self.failure = failure
        self.of_copy = of_copy


Change = Callable[[MessageRow, CopyRow], tuple[MessageRow, CopyRow, Sequence[Write]]]


class Attempt:
    """One attempt at a message, under its lease. The message row is the authority throughout."""

    def __init__(self, workshop: Workshop, stored: Stored, begun_before: int) -> None:
        self.workshop = workshop
        self.organization = workshop.organization
        self.stored = stored
        self.begun_before = begun_before
        """Copies with lower numbers may have been begun by an earlier attempt."""
        self._turn = stored.message.turn
        self._at_work_until: datetime | None = None

    @property
    def message(self) -> MessageRow:
        return self.stored.message

    @property
    def now(self) -> datetime:
        return self.workshop.clock()

    @classmethod
    async def begin(cls, workshop: Workshop, stored: Stored) -> Attempt:
        """Takes the lease; raises `Changed` where somebody else was quicker."""
        before = stored.message
        leased = replace(
            before,
            status=Status.SENDING,
            lease_owner=workshop.owner,
            lease_until=workshop.clock() + LEASE,
            begun=max(before.begun, next(iter(stored.open_copies), 0) + 1),
            version=before.version + 1,
        )
        written = await write_message(workshop.organization, stored, leased)
        return cls(workshop, written, before.begun)

    async def take_turn(self, number: int, settings: OrganizationSettings) -> None:
        """Takes the mailbox's turn for a copy; raises `NotItsTurn` where that is later."""
        now = self.now
        until = now + LEASE
        entry = await pace.enter(
            self.organization,
            self.message.from_,
            self.message.id,
            settings=settings,
            now=now,
            until=until,
            turn=self._turn,
        )
        if not entry.at_work:
            wait = max((entry.turn - now).total_seconds(), NO_ROOM_S)
            raise NotItsTurn(wait, entry.turn, number)
        self._turn = None
        self._at_work_until = until

    async def hold(self) -> None:
        """The lease for as long again, and the place among those at work."""
        now = self.now
        await self.write(lambda message: replace(message, lease_until=now + LEASE))
        if self._at_work_until is not None and self._at_work_until < now + LEASE / 2:
            self._at_work_until = now + LEASE
            await pace.stay(
                self.organization, self.message.from_, self.message.id, now, self._at_work_until
            )

    async def leave(self) -> None:
        """No longer at work for its mailbox; should storage not let us, that ends by itself."""
        if self._at_work_until is not None:
            with contextlib.suppress(StorageUnavailable):
                await pace.leave(self.organization, self.message.from_, self.message.id, self.now)
            self._at_work_until = None

    async def let_go(self) -> None:
        """Gives the lease back where storage lets us, so that the next attempt need not wait."""
        with contextlib.suppress(StorageUnavailable, Busy):
            await self.write(lambda message: replace(message, lease_owner="", lease_until=None))

    async def write(self, change: Callable[[MessageRow], MessageRow]) -> None:
        """Writes a change of the message."""
        await self._write(lambda stored: (change(stored.message), [], []))

    async def write_copy(self, number: int, change: Change) -> None:
        """Writes a change of a copy, of the message with it, and more rows."""

        def changed(stored: Stored) -> tuple[MessageRow, Sequence[CopyRow], Sequence[Write]]:
            message, copy, writes = change(stored.message, stored.copies[number])
            return message, [copy], writes

        await self._write(changed)

    async def write_copies(
        self,
        change: Callable[[Stored], tuple[MessageRow, Sequence[CopyRow], Sequence[Write]]],
    ) -> None:
        """Writes a change of several copies, as many as one transaction takes."""
        await self._write(change)

    async def _write(
        self, change: Callable[[Stored], tuple[MessageRow, Sequence[CopyRow], Sequence[Write]]]
    ) -> None:
        """Writes a change, again when a fold came in between; `Busy` where the lease is lost."""
        while True:
            if self.message.lease_owner != self.workshop.owner:
                raise Busy("another delivery has taken this message over")
            message, copies, writes = change(self.stored)
            message = replace(message, version=self.message.version + 1)
            try:
                self.stored = await write_message(
                    self.organization, self.stored, message, copies, writes
                )
                return
            except Changed:
                fresh = await read_message(self.organization, self.message.id)
                if fresh is None:
                    raise Busy("the message is gone") from None
                self.stored = fresh

    async def write_rows(self, rows: Sequence[Write]) -> None:
        """Writes rows of the message that belong to this attempt alone."""
        for start in range(0, len(rows), TRANSACTION_LIMIT):
            await self.organization.tables.transact(TABLE, rows[start : start + TRANSACTION_LIMIT])

    async def ask(self, request: Awaitable[T], who: str | None = None) -> T:
        """A request to Graph other than `/send`: all of them may be repeated later."""
        try:
            return await request
        except (NotDone, Ambiguous) as error:
            raise Postponed(self.patience(error)) from error
        except (NotFound, Refused) as error:
            raise refusal(error, self.message, who) from error

    def patience(self, error: GraphError) -> float:
        """Seconds until the next attempt: as told, else longer with each."""
        return patience(error, self.message.troubles, FIRST_WAIT_S, LONGEST_WAIT_S)


def with_ids(copy: CopyRow, found: FoundMessage | None) -> CopyRow:
    """The copy with what Graph calls it."""
    if found is None:
        return copy
    return replace(
        copy,
        draft_id=found.id,
        internet_message_id=found.internet_message_id or copy.internet_message_id,
        conversation_id=found.conversation_id or copy.conversation_id,
    )


def refusal(error: NotFound | Refused, message: MessageRow, who: str | None = None) -> Failed:
    """A refusal of Graph as a reason a seller understands; `who` was to get it where that is one
    person."""
    mailbox = {"address": message.from_}
    if isinstance(error, NotFound):
        return Failed(Failure("mailboxUnknown", mailbox))
    if isinstance(error, OutOfSpace) or error.code in _FULL:
        return Failed(Failure("mailboxFull", mailbox))
    if error.code in _BLOCKED:
        return Failed(Failure("sendingBlocked", mailbox))
    if error.status == 413 or error.code in _TOO_LARGE:
        return Failed(Failure("messageTooLarge"))
    if error.status == 403 and error.code.lower() in _DENIED:
        return Failed(Failure("mailboxOutOfScope", mailbox))
    if error.code in ("ErrorInvalidRecipients", "ErrorInvalidSmtpAddress"):
        return Failed(Failure("recipientRefused", {"who": who or message.to_text}), of_copy=True)
    log.error("Graph refused message %s for good: %s", message.id, error)
    code = error.code[:_LONGEST_CODE] or str(error.status)
    return Failed(Failure("graphRefused", {"code": code}), of_copy=True)


def lease_rest(message: MessageRow, now: datetime) -> timedelta:
    """How long somebody still holds the message; nothing or less where nobody does."""
    if not message.lease_owner or message.lease_until is None:
        return timedelta()
    return message.lease_until - now


def begun_copies(attempt: Attempt) -> list[CopyRow]:
    """The copies not ended of which Graph may have drafts."""
    stored = attempt.stored
    return [stored.copies[n] for n in stored.open_copies if n < attempt.message.begun]
