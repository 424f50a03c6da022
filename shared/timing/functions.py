"""The recommended delivery time over HTTP, and the timer that fires reminders."""

from __future__ import annotations

import asyncio
import logging

import azure.functions as func

from shared.errors import Transient
from shared.organizations import Organization
from shared.service import Service, service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

blueprint = func.Blueprint()
log = logging.getLogger(__name__)


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


@blueprint.timer_trigger(arg_name="timer", schedule="%DUE_SCHEDULE%", use_monitor=False)
async def fire_due_reminders(timer: func.TimerRequest) -> None:
    """Decides the reminders whose time has come, in every organization (rule R1)."""
    running = service()
    await asyncio.gather(*(_remind(running, one) for one in running.organizations.all()))
    log.info("the timer %s has run", "fire_due_reminders")


async def _remind(running: Service, organization: Organization) -> None:
    from shared.timing.reminding import fire_reminders

    async def ask(mailbox: str) -> bool:
        from shared.graph.errors import GraphError
        from shared.replies.watching import look_now

        try:
            return await look_now(await running.watcher(organization), mailbox)
        except (GraphError, Transient) as error:
            log.warning("a mailbox of %s cannot be read now: %s", organization.id, error)
        except Exception:
            # Its reminders are decided all the same, when they have waited long enough.
            log.exception("a mailbox of %s could not be read", organization.id)
        return False

    try:
        await fire_reminders(organization, utc_now(), ask)
    except Transient as error:
        log.warning("reminders of %s are not fired now: %s", organization.id, error)
    except Exception:
        log.exception("reminders of %s could not be fired", organization.id)
