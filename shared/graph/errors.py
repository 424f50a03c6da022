"""What Graph's answers, and its silence, mean for the caller. Foreign errors end here.

GraphError
├── NotDone            a definite no: nothing happened, the same request may work later
│   ├── Throttled        429, 503 or 509: come back after ``retry_after`` seconds
│   └── Unreachable      no connection or no token: the request never left
├── Ambiguous          it may have been done: look before trying again
├── NotFound           404: no such mailbox, or no such item in it; ``code`` tells which
└── Refused            any other 4xx: a definite no that the same request will get again
    ├── OutOfSpace       507: the drive or the mailbox is full; nothing was kept
    ├── NameTaken        409, and what has the name is another file than ours
    └── LinksForbidden   403 to a link for everybody: the tenant forbids such links

Definite: every answer below 500, 503, 507, and every failure before the request was on its way
(connection refused, unknown host, TLS, connecting too slow, no free connection, no token).
Ambiguous: 500, 502, 504 and every other 5xx, since a gateway can fail after the mailbox did the
work; a time-out while writing or reading; a connection that breaks once it was open, also one
kept alive from before, which the server may close just as we write; an answer that says "done"
and cannot be read.

Messages of these errors name the action, the status and Graph's code. They carry no address, no
body, no header and no token.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from shared.errors import EngagementError
from shared.telemetry import step

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    import httpx
    from kiota_abstractions.api_error import APIError

# Graph's codes for "this mailbox does not exist (for us)", as against an item in it.
UNKNOWN_MAILBOX_CODES = frozenset(
    {
        "ErrorInvalidUser",
        "ErrorNonExistentMailbox",
        "MailboxNotEnabledForRESTAPI",
        "Request_ResourceNotFound",
        "ResourceNotFound",
    }
)
LONGEST_TOLD_S = 24 * 3600.0
"""What a gateway says beyond that is nonsense."""
_THROTTLED = 429
_LATER = frozenset({_THROTTLED, 503, 509})
_NO_ROOM = 507


class GraphError(EngagementError):
    """Root of everything that can go wrong with Graph."""


class NotDone(GraphError):
    """Nothing happened; the same request may work later.

    ``retry_after`` is in seconds from now, a day at most, None where nobody said.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = None if retry_after is None else min(retry_after, LONGEST_TOLD_S)


class Throttled(NotDone):
    """Graph is busy, or we are too fast."""


class Unreachable(NotDone):
    """The request never left: no connection, or no token for it."""


class Ambiguous(GraphError):
    """It may have been done. Find out (by the send key) before doing it again."""


class NotFound(GraphError):
    """There is no such mailbox or item. ``code`` is Graph's."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def mailbox_unknown(self) -> bool:
        """Whether the mailbox itself is unknown, and not an item in it."""
        return self.code in UNKNOWN_MAILBOX_CODES


class Refused(GraphError):
    """Graph will not do it; permanent.

    ``code`` and ``message`` are Graph's own. The message is for logs an administrator reads: it
    can name addresses and is therefore not part of ``str()``. 403 ``ErrorAccessDenied`` means
    that an application access policy keeps us out of this mailbox.
    """

    def __init__(self, text: str, status: int, code: str, message: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.message = message


class OutOfSpace(Refused):
    """There is no room for it. Somebody has to make some, so no use to try again at once."""


class NameTaken(Refused):
    """The name in the drive belongs to a file of another size or content than ours."""


class LinksForbidden(Refused):
    """The tenant, or the site, forbids links that work for everybody."""


def patience(error: GraphError, failures: int, first: float, longest: float) -> float:
    """Seconds until the next attempt: as Graph told, else twice as long after each failure before
    this one."""
    told = told_to_wait(error)
    return told if told is not None else min(first * 2.0 ** min(failures, 20), longest)


def told_to_wait(error: Exception) -> float | None:
    """Seconds that Graph told us to wait; None where it did not."""
    return error.retry_after if isinstance(error, NotDone) else None


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn what the SDK, httpx and azure-identity raise in the block into this module's errors.

    ``action`` says what was tried, for people ("send the draft"). What nobody foresaw passes.
    """
    # Loaded by whoever made the client; these imports only look them up.
    import httpx
    from azure.core.exceptions import AzureError
    from kiota_abstractions.api_error import APIError

    never_left = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    ours = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
    try:
        with step(f"Graph: {action}"):
            yield
    except APIError as error:
        raise from_answer(action, error) from error
    except never_left as error:
        raise Unreachable(f"Could not {action}: Graph cannot be reached.") from error
    except AzureError as error:
        raise Unreachable(f"Could not {action}: no token for Graph.") from error
    except ours:
        raise
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise Ambiguous(
            f"No answer to the request to {action} ({type(error).__name__})."
        ) from error
    except Exception as error:
        # Where a good status comes with a body it cannot read, the SDK raises whatever its parser
        # raised, or a bare Exception for a content type it does not know.
        if isinstance(error, ValueError) or type(error) is Exception:
            raise Ambiguous(f"Graph's answer to the request to {action} is unreadable.") from error
        raise


def from_answer(action: str, error: APIError) -> GraphError:
    """The error for an answer of Graph: its status decides first, its code second."""
    status, headers = error.response_status_code or 0, dict(error.response_headers or {})
    return _meaning(action, status, headers, *_code_and_message(error))


def from_response(action: str, response: httpx.Response) -> GraphError:
    """The same for an answer that was asked for without the SDK."""
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error.get("message", ""))
    except (ValueError, TypeError, LookupError, AttributeError):
        code = message = ""
    return _meaning(action, response.status_code, dict(response.headers), code, message)


def retry_after(headers: dict[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After`` (RFC 9110, 10.2.3), which is a number or a date.

    A date counts from the answer's own ``Date``, so no clock of ours is needed.
    """
    named = {name.lower(): value.strip() for name, value in headers.items()}
    text = named.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            there = parsedate_to_datetime(text)
            seconds = (there - parsedate_to_datetime(named.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds < float("inf") else None


def _meaning(
    action: str, status: int, headers: dict[str, str], code: str, message: str
) -> GraphError:
    said = f"Could not {action}: {status} {code}".rstrip() + "."
    if status == _THROTTLED:
        log.warning("Graph throttles us: %s", said)
    if status in _LATER:
        return Throttled(said, retry_after(headers))
    if status == 404:
        return NotFound(said, code)
    if status == _NO_ROOM:
        return OutOfSpace(said, status, code, message)
    if 400 <= status < 500:
        return Refused(said, status, code, message)
    return Ambiguous(f"Unclear whether Graph did {action}: {status} {code}".rstrip() + ".")


def _code_and_message(error: APIError) -> tuple[str, str]:
    # An ODataError carries Graph's error object; a gateway's HTML ends as a bare APIError.
    main = getattr(error, "error", None)
    return getattr(main, "code", None) or "", getattr(main, "message", None) or ""
