"""The settings of an organization, and whether the service is up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.errors import Problem, Refusal
from shared.model import CardKind
from shared.organizations import Organization, OrganizationSettings
from shared.replies.mailboxes import all_told_of
from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

if TYPE_CHECKING:
    from shared.administration.requests import SettingsRequest

blueprint = func.Blueprint()


@blueprint.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """200 when every organization's storage answers; says nothing else to the world.

    On one machine also when mailboxes are subscribed to: who sees it may count on replies.
    """
    running = service()
    organizations = running.organizations.all()
    settings = await asyncio.gather(*(one.settings() for one in organizations))
    if running.settings.local_graph is not None and not running.told_of:
        told = await asyncio.gather(
            *(
                all_told_of(one, of_it, utc_now())
                for one, of_it in zip(organizations, settings, strict=True)
            )
        )
        running.told_of = all(told)
        if not running.told_of:
            raise Refusal(503, "Mailboxes are being subscribed to.", retry_after=1)
    return answer_json({"status": "ready"})


@blueprint.route(
    route="api/orgs/{org}/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def examination(req: func.HttpRequest) -> func.HttpResponse:
    """What is wrong with what the organization stands on, and what to do (`dev.py doctor`)."""
    running = service()
    caller = await running.caller(req)
    caller.require("admin")
    only_params(req)
    from shared.administration.examination import Deployment, examine

    deployment = Deployment(
        running.settings, running.queues, running.host_blobs, running.mail, utc_now
    )
    return answer_json((await examine(deployment, caller.organization)).shown())


@blueprint.route(
    route="api/orgs/{org}/settings", methods=["GET", "PATCH"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def settings(req: func.HttpRequest) -> func.HttpResponse:
    """The organization's settings (rule A2)."""
    caller = await service().caller(req)
    only_params(req)
    if req.method == "GET":
        caller.require("read", "admin")
        return answer_json(_shown(await caller.organization.settings()))
    caller.require("admin")
    from shared.administration.requests import SettingsRequest

    request = parse(SettingsRequest, json_body(req, largest=64 * 1024))
    if not request.model_fields_set:
        raise Refusal(422, "There is nothing to change in this request.")
    _check_mailboxes(request, caller.organization)
    now = utc_now()
    changed = await caller.organization.change_settings(lambda before: request.applied(before, now))
    return answer_json(_shown(changed))


def _check_mailboxes(request: SettingsRequest, organization: Organization) -> None:
    """Refuses sending mailboxes of other domains: they are another organization's (rule A1)."""
    problems = tuple(
        Problem(
            f"/sendingMailboxes/{place}", "This is not a mailbox of the organization's domains."
        )
        for place, mailbox in enumerate(request.sending_mailboxes)
        if not organization.has_domain_of(mailbox)
    )
    if problems:
        raise Refusal(422, "Some mailboxes are not the organization's; see errors.", problems)


def _shown(settings: OrganizationSettings) -> dict[str, Any]:
    return {
        "engagement": settings.engagement,
        "recipientLimit": settings.recipient_limit,
        "sendingMailboxes": list(settings.sending_mailboxes),
        "language": settings.language,
        "attachmentLimitMb": settings.attachment_limit // (1024 * 1024),
        "ipHandling": settings.ip_handling.value,
        "ownNetworks": list(settings.own_networks),
        "fileDrive": settings.file_drive,
        "fileLinkDays": settings.file_link_days,
        "sendsPerMinute": settings.sends_a_minute,
        "sendsAtOnce": settings.sends_at_once,
        "assistant": settings.assistant,
        "cards": {kind.value: settings.cards.get(kind, True) for kind in CardKind},
    }
