"""The recommended delivery time over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

if TYPE_CHECKING:
    from shared.timing.delivery_time import Evidence, Recommended

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
    from shared.languages import choose, say, sentence_id
    from shared.sending.requests import Addressed, refuse_too_many
    from shared.timing.delivery_time import recommend

    recipients = parse(Addressed, body).recipients()
    refuse_too_many(recipients)
    organization = caller.organization
    answer = await recommend(organization, recipients, utc_now())
    reason = None
    if answer.reason is not None:
        settings = await organization.settings()
        language = choose(req.headers.get("accept-language"), settings.language)
        sentence = say(language, sentence_id("delivery-time", answer.reason))
        reason = {"code": answer.reason, "message": sentence}
    shown = _shown(answer.recommended) if answer.recommended else None
    return answer_json({"recommended": shown, "reason": reason})


def _shown(recommended: Recommended) -> dict[str, Any]:
    from shared.messages.rows import instant_text

    return {
        "at": instant_text(recommended.at),
        "timeZone": recommended.time_zone,
        "local": recommended.local.isoformat(timespec="minutes"),
        "source": recommended.source.value,
        "evidence": _evidence(recommended.evidence),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    best = evidence.best
    return {
        "decidedBy": "history" if evidence.by_history else "businessHours",
        "opens": evidence.opens,
        "recipientOpens": evidence.recipient_opens,
        "since": evidence.since.isoformat() if evidence.since else None,
        "bestHour": best
        and {
            # ISO 8601: Monday is 1.
            "weekday": best.weekday + 1,
            "local": f"{best.hour:02d}:00",
            "timesAverage": round(best.times_average, 2),
        },
    }
