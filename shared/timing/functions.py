"""The recommended delivery time over HTTP."""

from __future__ import annotations

import azure.functions as func

from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

blueprint = func.Blueprint()


@blueprint.route(
    route="api/orgs/{org}/delivery-time", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def delivery_time(req: func.HttpRequest) -> func.HttpResponse:
    """When a message to this recipient is best delivered, or why nobody can tell (rules D1, D2)."""
    caller = await service().caller(req)
    caller.require("send", "read")
    only_params(req)
    body = json_body(req)
    from shared.languages import choose
    from shared.sending.requests import Addressed, refuse_too_many
    from shared.timing.delivery_time import recommend
    from shared.timing.recommended import reason_shown, recommended_shown

    recipients = parse(Addressed, body).recipients()
    refuse_too_many(recipients)
    organization = caller.organization
    answer = await recommend(organization, recipients, utc_now())
    reason = None
    if answer.reason is not None:
        settings = await organization.settings()
        language = choose(req.headers.get("accept-language"), settings.language)
        reason = {"code": answer.reason, "message": reason_shown(answer.reason, language)}
    shown = recommended_shown(answer.recommended) if answer.recommended else None
    return answer_json({"recommended": shown, "reason": reason})
