"""The application: Graph's routes, the local ones, and the pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import (
    attachment_sessions,
    attachments,
    delta,
    drive_requests,
    drive_uploads,
    inspection,
    mail,
    pages,
    sharing,
    subscriptions,
)
from .dispatch import Dispatch
from .errors import GraphRefusal, refusal_response
from .faults import FaultMiddleware, answers_as_graph
from .notifier import Notifier
from .store import Store


def create_app(
    database: Path, *, smtp: tuple[str, int] | None = None, move_after: float = 0.3
) -> Starlette:
    """The local Graph over one SQLite file.

    ``move_after`` is how many seconds a sent message takes to reach Sent Items and its recipients.
    """
    store = Store(database)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        dispatch = Dispatch(store, smtp)
        app.state.dispatch = dispatch
        notifier = Notifier(store)
        store.after_commit = notifier.wake
        loops = [
            asyncio.create_task(notifier.run()),
            asyncio.create_task(dispatch.move_submitted()),
            asyncio.create_task(dispatch.hand_to_smtp()),
        ]
        yield
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        store.close()

    app = Starlette(
        routes=[
            *delta.routes(),
            *mail.routes(),
            *subscriptions.routes(),
            *attachment_sessions.routes(),
            *attachments.routes(),
            *drive_uploads.routes(),
            *drive_requests.routes(),
            *sharing.routes(),
            *inspection.routes(),
            *pages.routes(),
        ],
        middleware=[Middleware(RequestLog, store=store), Middleware(FaultMiddleware, store=store)],
        exception_handlers={
            GraphRefusal: _refuse,
            HTTPException: _no_such_route,
            ClientDisconnect: _nobody_listens,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.store = store
    app.state.move_after = move_after
    return app


class RequestLog:
    """Keeps what was asked of Graph and what was answered, for ``/_local/requests``."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not answers_as_graph(scope["path"]):
            await self._app(scope, receive, send)
            return
        with self._store.transaction():
            key = self._store.insert(
                "requests",
                at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                method=scope["method"],
                path=scope["path"],
            )

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                with self._store.transaction():
                    self._store.run(
                        "UPDATE requests SET status = ? WHERE key = ?", message["status"], key
                    )
            await send(message)

        await self._app(scope, receive, note)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, GraphRefusal)
    return refusal_response(request, error)


async def _nobody_listens(request: Request, error: Exception) -> Response:
    """The client went away while it was sending: nothing was done, and nobody reads this."""
    return Response(status_code=400)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not request.url.path.startswith("/v1.0/"):
        return PlainTextResponse(error.detail, error.status_code, error.headers)
    if error.status_code == 405:
        message = "Specified HTTP method is not allowed for the request target."
        return refusal_response(request, GraphRefusal(405, "BadRequest", message))
    segment = request.url.path.rstrip("/").rpartition("/")[2]
    message = f"Resource not found for the segment '{segment}'."
    return refusal_response(request, GraphRefusal(400, "BadRequest", message))
