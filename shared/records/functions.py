"""`/records/{type}/{id}`: what the CRM tells us about its records."""

from __future__ import annotations

from typing import Any

import azure.functions as func

from shared.errors import Refusal
from shared.model import Record, RecordRef
from shared.records.store import load_record, store_record
from shared.service import service
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

blueprint = func.Blueprint()


@blueprint.route(
    route="api/orgs/{org}/records/{type}/{id}",
    methods=["GET", "PUT"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def record(req: func.HttpRequest) -> func.HttpResponse:
    caller = await service().caller(req)
    only_params(req)
    if req.method == "GET":
        caller.require("read", "send", "admin")
        found = await load_record(caller.organization, _ref(req))
        if found is None:
            raise Refusal(404, "There is no such record.")
        return answer_json(_shown(found))
    caller.require("send", "admin")
    from shared.records.requests import RecordRequest

    wanted = parse(RecordRequest, json_body(req, largest=64 * 1024)).to_record(_ref(req))
    await store_record(caller.organization, wanted)
    return answer_json(_shown(wanted))


def _ref(req: func.HttpRequest) -> RecordRef:
    from shared.records.requests import RefInPath

    values = {"type": req.route_params["type"], "id": req.route_params["id"]}
    parsed = parse(RefInPath, values)
    return RecordRef(parsed.type, parsed.id)


def _shown(record: Record) -> dict[str, Any]:
    return {
        "type": record.ref.type,
        "id": record.ref.id,
        "name": record.name,
        "addresses": list(record.addresses),
        "phone": record.phone,
        "address": dict(record.address) if record.address else None,
        "timeZone": record.time_zone,
        "followEmail": record.follow_email,
    }
