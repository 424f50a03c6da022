"""Answers of the API: JSON, and problem+json for what is wrong (RFC 9457)."""

from __future__ import annotations

import functools
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func

from shared.errors import Lost, Refusal, Transient

log = logging.getLogger(__name__)

Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

MOST_PROBLEMS = 50
"""A request with more mistakes than that has one mistake, made often."""

_TITLES = {
    400: "The request cannot be read",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    409: "Not possible now",
    413: "Too large",
    422: "The request cannot be done",
    500: "Something went wrong on our side",
    503: "Not available right now",
}


def answer_json(
    value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(value, ensure_ascii=False),
        status_code=status,
        mimetype="application/json",
        headers={**SECURITY_HEADERS, **(headers or {})},
    )


def answer_problem(refusal: Refusal) -> func.HttpResponse:
    """The refusal as problem+json; `errors` points at what is wrong with the body."""
    value: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(refusal.status, "Not possible"),
        "status": refusal.status,
        "detail": refusal.detail,
        **refusal.extra,
    }
    if refusal.code:
        value["code"] = refusal.code
    if refusal.problems:
        value["errors"] = [
            {"pointer": problem.pointer, "detail": problem.detail}
            for problem in refusal.problems[:MOST_PROBLEMS]
        ]
    headers = dict(SECURITY_HEADERS)
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return func.HttpResponse(
        json.dumps(value, ensure_ascii=False),
        status_code=refusal.status,
        mimetype="application/problem+json",
        headers=headers,
    )


def answering(handler: Handler) -> Handler:
    """An API function whose every failure is an answer: 503 where trying again helps, 409 where
    somebody deleted what it needs, else 500."""

    @functools.wraps(handler)
    async def answered(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except Refusal as refusal:
            return answer_problem(refusal)
        except Transient as error:
            log.warning("%s is not available: %s", handler.__name__, error)
            return answer_problem(
                Refusal(
                    503,
                    "A part of the service is not available right now. Please try again shortly.",
                    retry_after=error.retry_after,
                )
            )
        except Lost as error:
            log.error("%s cannot be done: %s", handler.__name__, error)
            detail = "A part of this is not in storage any more, so it cannot be done."
            return answer_problem(Refusal(409, detail, code="lost"))
        except Exception:
            incident = uuid.uuid4().hex
            log.exception("incident %s in %s", incident, handler.__name__)
            return answer_problem(
                Refusal(
                    500,
                    f"The service met something it did not expect. The incident is {incident}.",
                    extra={"incident": incident},
                )
            )

    return answered
