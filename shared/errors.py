"""What can go wrong, drawn once. Adapters translate foreign errors into these, nowhere else.

EngagementError
├── Transient              it may work later: the queue or the caller tries again
│   ├── StorageUnavailable   a storage account did not answer, or refused for now
│   └── Busy                 somebody else is at it right now (a lease, a concurrent twin)
├── Unacceptable           storage refuses what we ask: a mistake of ours
├── Lost                   a blob that should be there is gone
├── Conflict               a row with that key is there already
├── Changed                the row was changed since it was read (its ETag differs)
├── Refusal                a request that cannot be done: an HTTP status, sentences for people
├── Misconfigured          settings are missing or wrong; the message names every one
└── graph.errors.GraphError  what Microsoft Graph's answers mean, drawn there
"""

from __future__ import annotations

from dataclasses import dataclass


class EngagementError(Exception):
    """Root of everything this product raises on purpose."""


class Transient(EngagementError):
    """It may work later."""

    retry_after = 5.0
    """Seconds after which it makes sense to try again."""


class StorageUnavailable(Transient):
    """Storage did not answer, or refused for now. What was asked may or may not have been done."""


class Busy(Transient):
    """Somebody else is doing the same right now."""

    retry_after = 2.0


class Unacceptable(EngagementError):
    """Storage refuses what we ask of it (400, 413): a mistake of ours, and no use to try again."""


class Lost(EngagementError):
    """A blob that should be there is gone; the message names it."""


class Conflict(EngagementError):
    """A row with that key is there already."""


class Changed(EngagementError):
    """The row was changed since it was read."""


class Misconfigured(EngagementError):
    """Settings are missing or wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: where (RFC 6901 JSON pointer) and what, for people."""

    pointer: str
    detail: str


class Refusal(EngagementError):
    """The caller's request cannot be done; answered as problem+json (RFC 9457).

    `code` is a stable word for programs where one status has several meanings.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        problems: tuple[Problem, ...] = (),
        *,
        code: str | None = None,
        retry_after: float | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = problems
        self.code = code
        self.retry_after = retry_after
        self.extra = extra or {}
