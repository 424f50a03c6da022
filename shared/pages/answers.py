"""Where a page cannot be shown: the way to the sign-in, or a page that says why in words."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Awaitable, Callable

import azure.functions as func

from shared.errors import Refusal, Transient
from shared.pages.addresses import here, sign_in_address

log = logging.getLogger(__name__)

Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

_IN_WORDS = (403, 404, 422, 500, 503)
"""The statuses that have sentences of their own."""


class NotSignedIn(Exception):
    """Nobody has signed in: the page is to be asked for again after that, or the one at `back`."""

    def __init__(self, back: str | None = None) -> None:
        super().__init__(back)
        self.back = back


def answering_pages(handler: Handler) -> Handler:
    """A page function whose every failure is a page, or the way to the sign-in."""

    @functools.wraps(handler)
    async def answered(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except NotSignedIn as stranger:
            return redirect(sign_in_address(stranger.back or req.url))
        except Refusal as refusal:
            return _problem(req, refusal.status, code=refusal.code)
        except Transient as error:
            log.warning("%s is not available: %s", handler.__name__, error)
            return _problem(req, 503, retry_after=error.retry_after)
        except Exception:
            incident = uuid.uuid4().hex
            log.exception("incident %s in %s", incident, handler.__name__)
            return _problem(req, 500, incident=incident)

    return answered


def redirect(address: str, status: int = 302) -> func.HttpResponse:
    """302 to an address of this site; 303 after a form (RFC 9110 §15.4.4)."""
    return func.HttpResponse(
        status_code=status,
        headers={
            "Location": address,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )


def _problem(
    req: func.HttpRequest,
    status: int,
    *,
    code: str | None = None,
    incident: str | None = None,
    retry_after: float | None = None,
) -> func.HttpResponse:
    from shared.languages import choose
    from shared.pages.rendering import render

    # 401 here: the platform signed somebody in of whom we know nothing. Signing in again would
    # bring the same, again and again.
    status = 403 if status == 401 else status
    sentence = "sign-in-off" if code == "signInOff" else str(status if status in _IN_WORDS else 500)
    return render(
        "problem.html",
        choose(req.headers.get("accept-language")),
        status,
        {"Retry-After": str(max(1, round(retry_after)))} if retry_after is not None else None,
        sentence=f"problem-{sentence}",
        incident=incident,
        again=here(req.url) if status in (500, 503) else None,
    )
