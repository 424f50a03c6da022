"""The keys of an organization: what there is, a new one, one taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.access.keys import (
    MOST_KEYS,
    Key,
    is_id,
    keys_of,
    new_key,
    store_key,
    withdraw_key,
)
from shared.errors import Refusal
from shared.messages.rows import instant_text
from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

if TYPE_CHECKING:
    from shared.organizations import Organization

blueprint = func.Blueprint()


@blueprint.route(
    route="api/orgs/{org}/keys", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def keys(req: func.HttpRequest) -> func.HttpResponse:
    """All keys, the newest first; or a new one, which is shown this once (rule A3).

    An answer that is lost leaves a key behind that nobody knows: it is in the list, to be
    withdrawn.
    """
    caller = await service().caller(req)
    only_params(req)
    caller.require("admin")
    if req.method == "GET":
        return answer_json({"items": [_shown(key) for key in await keys_of(caller.organization)]})
    from shared.access.requests import KeyRequest

    request = parse(KeyRequest, json_body(req, largest=16 * 1024))
    await _refuse_too_many(caller.organization)
    key = new_key(caller.organization.id)
    scopes = frozenset[str](request.scopes)
    made = await store_key(caller.organization, key, request.name, scopes, utc_now())
    return answer_json(_shown(made) | {"key": key}, status=201)


@blueprint.route(
    route="api/orgs/{org}/keys/{id}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def withdrawn_key(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a key back; it works half a minute longer at most. May be repeated."""
    caller = await service().caller(req)
    only_params(req)
    caller.require("admin")
    id_ = req.route_params["id"]
    if not is_id(id_):
        raise Refusal(404, "There is no such key.")
    await withdraw_key(caller.organization, id_)
    return func.HttpResponse(status_code=204)


async def _refuse_too_many(organization: Organization) -> None:
    if len(await keys_of(organization)) >= MOST_KEYS:
        raise Refusal(422, f"There are {MOST_KEYS} keys already; withdraw one first.")


def _shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "madeAt": instant_text(key.made_at),
    }
