"""``…/mailFolders/inbox/messages/delta``: what came into the inbox since a caller last asked.

Served is what our own client needs: messages that are new. Changes and removals of messages that a
caller knows already are not told here, though Graph tells them.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import mail, mailboxes
from .errors import GraphRefusal
from .preferences import preferred_page_size
from .query import read_query
from .store import store_of

_PAGE_SIZE = 10
_LARGEST_PAGE = 200
_TOKENS = ("$deltatoken", "$skiptoken")


def routes() -> list[Route]:
    base = "/v1.0/users/{user}/mailFolders/inbox/messages"
    # The SDK calls the function with its parentheses, people often without.
    return [Route(base + end, new_messages, methods=["GET"]) for end in ("/delta", "/delta()")]


async def new_messages(request: Request) -> Response:
    """A page; ``@odata.nextLink`` leads on, ``@odata.deltaLink`` to what comes later."""
    mailbox, store = mailboxes.seller(request.path_params["user"]), store_of(request)
    state = _state(request, mailbox)
    query = read_query({name: value for name, value in state["options"].items() if value})
    size = min(preferred_page_size(request) or _PAGE_SIZE, _LARGEST_PAGE)
    rows = store.rows(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND folder = 'inbox' AND key > ?"
        " AND received_at >= ? ORDER BY key LIMIT ?",
        mailbox,
        state["after"],
        query.received_since or "",
        size + 1,
    )
    shown = rows[:size]
    value = [mail.resource(request, row, query) for row in shown]
    if request.state.fault is not None and request.state.fault.kind == "repeatItems":
        value *= 2
    after = shown[-1]["key"] if shown else state["after"]
    name, token = ("nextLink", "$skiptoken") if len(rows) > size else ("deltaLink", "$deltatoken")
    return JSONResponse(
        {
            "@odata.context": f"{request.base_url}v1.0/$metadata#Collection(message)",
            "value": value,
            f"@odata.{name}": str(
                request.url.replace(query=f"{token}={_packed(state | {'after': after})}")
            ),
        }
    )


def _state(request: Request, mailbox: str) -> dict[str, Any]:
    given = dict(request.query_params)
    packed = next((given[name] for name in _TOKENS if name in given), None)
    if packed is None:
        query = read_query(given)
        if query.by_property or query.by_internet_message_id or "$top" in given or "$skip" in given:
            raise GraphRefusal(
                400, "ErrorInvalidUrlQuery", "Tracking changes is not supported with this query."
            )
        return {"mailbox": mailbox, "after": 0, "options": given}
    if len(given) != 1:
        raise GraphRefusal(
            400, "ErrorInvalidUrlQuery", "A state token knows its options; none stand beside it."
        )
    try:
        state: dict[str, Any] = json.loads(base64.urlsafe_b64decode(packed))
    except (binascii.Error, ValueError):
        state = {}
    if state.get("mailbox") != mailbox:
        raise GraphRefusal(400, "ErrorInvalidSyncStateData", "The sync state data is invalid.")
    return state


def _packed(state: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
