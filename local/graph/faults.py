"""Faults on demand: what fails next of Graph, and how.

A plan is a list of faults, in order. Each request to Graph (``/v1.0`` and the upload addresses of
drives) goes through the list: a fault
that matches and still has requests to let pass (``after``) lets it pass and the next one is asked;
the first that matches without is applied, and is gone after ``times`` of them. The plan is in the
store and so survives a restart.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import GraphRefusal, refusal_response
from .store import Store

_GATEWAY_PAGE = (
    "<html><head><title>504 Gateway Time-out</title></head>"
    "<body><h1>504 Gateway Time-out</h1></body></html>"
)

OF_NOTIFICATIONS = frozenset({"loseNotification", "doubleNotification"})


class Strict(BaseModel):
    """What is written in camelCase in JSON, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Fault(Strict):
    """One entry of the plan.

    ``throttle`` answers 429 and ``unavailable`` 503 without doing the work, ``dropBefore`` closes
    the connection without doing it. ``gatewayTimeoutAfterDone`` and ``dropAfterDone`` do it, then
    answer 504 with a gateway's HTML, or close the connection. ``delay`` waits ``seconds`` and goes
    on. ``status`` answers any error with a ``code`` (429 so without ``Retry-After``).

    Two change what ``/send`` does: ``lateSentItems`` moves the message after ``seconds``,
    ``newIdOnSend`` gives it another immutable id when it moves. Three belong to an upload address:
    ``expireSession`` forgets the session, ``partialCommit`` keeps about half of the piece and says
    so, ``dropMidway`` keeps as much and closes the connection. ``quota`` answers 507 and
    ``linksForbidden`` what ``createLink`` says where the tenant forbids anonymous links.
    ``repeatItems`` gives a list, or a delta, every one of its messages twice.

    Two concern what Graph tells subscribers, and no request: ``loseNotification`` and
    ``doubleNotification``. Their ``path`` is a part of the subscription's resource.
    """

    kind: Literal[
        "throttle",
        "unavailable",
        "gatewayTimeoutAfterDone",
        "dropBefore",
        "dropAfterDone",
        "delay",
        "status",
        "lateSentItems",
        "newIdOnSend",
        "expireSession",
        "partialCommit",
        "dropMidway",
        "quota",
        "linksForbidden",
        "repeatItems",
        "loseNotification",
        "doubleNotification",
    ]
    method: str | None = None
    path: str | None = None
    times: Annotated[int, Field(ge=1)] = 1
    after: Annotated[int, Field(ge=0)] = 0
    retry_after: Annotated[float, Field(ge=0)] | None = None
    status: Annotated[int, Field(ge=400, le=599)] = 500
    code: str = "UnknownError"
    seconds: Annotated[float, Field(ge=0, le=600)] = 1.0

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, path: str | None) -> str | None:
        try:
            re.compile(path or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return path

    def matches(self, method: str, path: str) -> bool:
        """``path`` is a part of the request's path and query, or a regular expression in it."""
        if self.method is not None and self.method.upper() != method:
            return False
        return self.path is None or self.path in path or bool(re.search(self.path, path))


class FaultPlan(Strict):
    """The body of ``POST /_local/faults``."""

    faults: list[Fault]


def read_plan(body: bytes) -> FaultPlan:
    """Parse a plan.

    Raises:
        ValueError: a sentence that says what is wrong.
    """
    try:
        return FaultPlan.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = "/".join(str(step) for step in first["loc"]) or "the body"
        raise ValueError(f"{place}: {first['msg']}.") from error


def add_faults(store: Store, plan: FaultPlan) -> None:
    with store.transaction():
        for fault in plan.faults:
            store.insert(
                "faults",
                fault=fault.model_dump_json(by_alias=True, exclude_unset=True),
                after=fault.after,
                times=fault.times,
            )


def pending_faults(store: Store) -> list[dict[str, Any]]:
    """What is still to come, with the counts that are left."""
    return [
        json.loads(row["fault"]) | {"after": row["after"], "times": row["times"]}
        for row in store.rows("SELECT * FROM faults ORDER BY key")
    ]


def next_fault(store: Store, method: str, path: str) -> Fault | None:
    """Take the fault that applies to this request out of the plan."""
    return _take(
        store,
        lambda fault: fault.kind not in OF_NOTIFICATIONS and fault.matches(method, path),
    )


def next_notification_fault(store: Store, resource: str) -> Fault | None:
    """The same for a notification about ``resource``."""
    return _take(
        store, lambda fault: fault.kind in OF_NOTIFICATIONS and fault.matches("POST", resource)
    )


def _take(store: Store, applies: Callable[[Fault], bool]) -> Fault | None:
    with store.transaction():
        for row in store.rows("SELECT * FROM faults ORDER BY key"):
            fault = Fault.model_validate_json(row["fault"])
            if not applies(fault):
                continue
            if row["after"] > 0:
                store.run("UPDATE faults SET after = after - 1 WHERE key = ?", row["key"])
                continue
            if row["times"] > 1:
                store.run("UPDATE faults SET times = times - 1 WHERE key = ?", row["key"])
            else:
                store.run("DELETE FROM faults WHERE key = ?", row["key"])
            return fault
    return None


def answers_as_graph(path: str) -> bool:
    """Whether Graph answers at this path: as against pages, links and ``/_local``."""
    return path.startswith("/v1.0/") or "/_api/v2.0/" in path


class FaultMiddleware:
    """Applies the plan. Handlers find the fault that concerns them in ``request.state.fault``."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not answers_as_graph(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        query = request.url.query
        path = scope["path"] + (f"?{query}" if query else "")
        fault = next_fault(self._store, request.method, path)
        request.state.fault = fault
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await _APPLY.get(fault.kind, _do_the_work)(self._app, fault, request, send)


async def _do_the_work(app: ASGIApp, fault: Fault, request: Request, send: Send) -> None:
    await app(request.scope, request.receive, send)


async def _refuse(app: ASGIApp, fault: Fault, request: Request, send: Send) -> None:
    await _take_the_body(request)
    status, code, message = {
        "throttle": (
            429,
            "ApplicationThrottled",
            "Application is over its MailboxConcurrency limit.",
        ),
        "unavailable": (503, "ServiceUnavailable", "The service is temporarily unavailable."),
        "quota": (507, "quotaLimitReached", "Insufficient space available: over the quota."),
        "linksForbidden": (403, "accessDenied", "Sharing by anonymous links is disabled."),
    }.get(fault.kind, (fault.status, fault.code, "A fault was asked for."))
    after = 1.0 if fault.retry_after is None and fault.kind == "throttle" else fault.retry_after
    headers = {} if after is None else {"Retry-After": f"{after:g}"}
    response = refusal_response(request, GraphRefusal(status, code, message, headers))
    await response(request.scope, request.receive, send)


async def _delay(app: ASGIApp, fault: Fault, request: Request, send: Send) -> None:
    await asyncio.sleep(fault.seconds)
    await app(request.scope, request.receive, send)


async def _drop_before(app: ASGIApp, fault: Fault, request: Request, send: Send) -> None:
    await _take_the_body(request)
    await _drop(request)


async def _drop_after(app: ASGIApp, fault: Fault, request: Request, send: Send) -> None:
    await app(request.scope, request.receive, _into_the_void)
    await _drop(request)


async def _gateway_timeout(app: ASGIApp, fault: Fault, request: Request, send: Send) -> None:
    await app(request.scope, request.receive, _into_the_void)
    response: Response = HTMLResponse(_GATEWAY_PAGE, 504)
    await response(request.scope, request.receive, send)


async def _take_the_body(request: Request) -> None:
    async for _ in request.stream():
        pass


async def _into_the_void(message: Message) -> None:
    """A response nobody gets."""


async def _drop(request: Request) -> None:
    """Close the TCP connection without an answer (see ``server.DroppableProtocol``)."""
    abort: Callable[[], None] = request.scope["state"]["abort_connection"]
    abort()
    # Returning earlier would make the server complain that there was no answer.
    while (await request.receive())["type"] != "http.disconnect":
        pass


_APPLY = {
    "throttle": _refuse,
    "unavailable": _refuse,
    "status": _refuse,
    "delay": _delay,
    "dropBefore": _drop_before,
    "dropAfterDone": _drop_after,
    "dropMidway": _drop_after,
    "quota": _refuse,
    "linksForbidden": _refuse,
    "gatewayTimeoutAfterDone": _gateway_timeout,
}
