"""Graph's refusals.

GraphRefusal    raised anywhere below a ``/v1.0`` route; becomes the error object Graph answers
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse


class GraphRefusal(Exception):
    """The request is refused with Graph's ``status``, ``code`` and ``message``."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def refusal_response(request: Request, refusal: GraphRefusal) -> JSONResponse:
    """The error object of Graph, with the ids a person gives to Microsoft's support."""
    request_id = str(uuid.uuid4())
    client_request_id = request.headers.get("client-request-id", request_id)
    return JSONResponse(
        {
            "error": {
                "code": refusal.code,
                "message": refusal.message,
                "innerError": {
                    "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                    "request-id": request_id,
                    "client-request-id": client_request_id,
                },
            }
        },
        refusal.status,
        {
            "request-id": request_id,
            "client-request-id": client_request_id,
            **refusal.headers,
        },
    )


def unknown_mailbox(user: str) -> GraphRefusal:
    return GraphRefusal(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")


def unknown_item() -> GraphRefusal:
    return GraphRefusal(
        404, "ErrorItemNotFound", "The specified object was not found in the store."
    )


def unreadable_body(message: str) -> GraphRefusal:
    """The body is JSON but not what the type allows."""
    return GraphRefusal(400, "RequestBodyRead", message)


def bad_query(message: str) -> GraphRefusal:
    return GraphRefusal(400, "RequestBroker--ParseUri", message)


def fixed_property(name: str) -> GraphRefusal:
    """A property that can no longer, or never, be set."""
    return GraphRefusal(
        400, "ErrorInvalidPropertySet", f"Set action is invalid for property '{name}'."
    )
