"""One message over HTTP: shown, changed, deleted, sent now, cancelled, tried again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.organizations import Organization
from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, message_id_of, one_of, only_params, parse

if TYPE_CHECKING:
    from shared.access.callers import Caller
    from shared.sending.changes import Changer

blueprint = func.Blueprint()


@blueprint.route(
    route="api/orgs/{org}/messages/{id}",
    methods=["GET", "PATCH", "DELETE"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def message(req: func.HttpRequest) -> func.HttpResponse:
    """`GET` one message whole, but its timeline; `PATCH` it before its sending begins; `DELETE` a
    draft."""
    caller = await service().caller(req)
    if req.method == "PATCH":
        return await _change(req, caller)
    caller.require("read" if req.method == "GET" else "send")
    if req.method == "GET":
        only_params(req, "include")
        return await _show(req, caller)
    only_params(req)
    from shared.sending.drafts import delete_draft

    await delete_draft(caller.organization, await _own(req, caller), utc_now())
    return func.HttpResponse(status_code=204)


@blueprint.route(
    route="api/orgs/{org}/messages/{id}/send",
    methods=["POST"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def send_message_now(req: func.HttpRequest) -> func.HttpResponse:
    """Sends a draft, or a scheduled message, now; what is on its way or sent stays so."""
    caller = await _sender(req)
    from shared.sending.changes import send_now

    message = await _own(req, caller)
    sent = await send_now(await _changer(req, caller), message)
    return _state(caller.organization, message, sent.status.value, 202)


@blueprint.route(
    route="api/orgs/{org}/messages/{id}/cancel",
    methods=["POST"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def cancel_message(req: func.HttpRequest) -> func.HttpResponse:
    """Cancels a message whose sending has not begun; once more changes nothing."""
    caller = await _sender(req)
    from shared.sending.changes import cancel

    message = await _own(req, caller)
    cancelled = await cancel(await _changer(req, caller), message)
    return _state(caller.organization, message, cancelled.status.value, 200)


@blueprint.route(
    route="api/orgs/{org}/messages/{id}/retry",
    methods=["POST"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def retry_message(req: func.HttpRequest) -> func.HttpResponse:
    """Tries again to send a message that failed."""
    running = service()
    caller = await running.caller(req)
    caller.require("send")
    only_params(req)
    body = json_body(req) if req.get_body() else {}
    from shared.sending.again import retry
    from shared.sending.requests import RetryRequest

    request = parse(RetryRequest, body)
    organization, message = caller.organization, await _own(req, caller)
    status = await retry(
        organization,
        message,
        even_if_sent=request.even_if_sent,
        now=utc_now(),
        deliver=running.deliverer(organization),
    )
    return _state(organization, message, status.value, 202)


async def _show(req: func.HttpRequest, caller: Caller) -> func.HttpResponse:
    from shared.languages import choose
    from shared.messages.content import content_to_show
    from shared.messages.files import read_files
    from shared.messages.reading import read_links, read_seen
    from shared.messages.shown import body_shown, whole
    from shared.sending.wording import sentences
    from shared.timing.reminders import as_of, reminder_shown
    from shared.tracking.counting import counted

    organization = caller.organization
    stored = await read_seen(organization, message_id_of(req), caller.sees_own_or_followed)
    content = await content_to_show(organization, stored.message)
    links = await read_links(organization, stored.message.id)
    files = [one.file for one in await read_files(organization, stored.message.id)]
    settings = await organization.settings()
    language = choose(req.headers.get("accept-language"), settings.language)
    body = body_shown(content) if one_of(req, "include", ("body",)) else {}
    return answer_json(
        body
        | whole(
            stored,
            content,
            links,
            files,
            people=[counted(copy) for _, copy in sorted(stored.copies.items())],
            reminder=reminder_shown(as_of(stored, settings, utc_now())),
            engagement=settings.engagement,
            sentences=sentences(stored.message, language, stored.copies.values()),
        )
    )


async def _change(req: func.HttpRequest, caller: Caller) -> func.HttpResponse:
    if not caller.gives_away:
        caller.require("send")
    only_params(req)
    changes = json_body(req)
    from shared.messages.reading import read_seen
    from shared.sending.accept import answer_about
    from shared.sending.changes import GIVES, anybody, change
    from shared.sending.requests import refuse_too_large

    refuse_too_large(changes)
    changer = await _changer(req, caller)
    if caller.gives_away and changes and GIVES.issuperset(changes):
        message = message_id_of(req)
        await read_seen(caller.organization, message, caller.sees_own_or_followed)
        changer.may_send_as = anybody
    else:
        caller.require("send")
        message = await _own(req, caller)
    changed = await change(changer, message, changes)
    return answer_json(answer_about(caller.organization, changed, changer.language))


async def _sender(req: func.HttpRequest) -> Caller:
    """Who asks for something that needs no further words."""
    caller = await service().caller(req)
    caller.require("send")
    only_params(req)
    if req.get_body():
        from shared.web.fields import RequestModel

        parse(RequestModel, json_body(req))
    return caller


async def _own(req: func.HttpRequest, caller: Caller) -> str:
    """The id of a message that the caller may change; `Refusal` 404 or 403 otherwise."""
    from shared.messages.reading import read_seen

    message = message_id_of(req)
    found = await read_seen(caller.organization, message, caller.sees_own_or_followed)
    caller.require_own(found.message.seller, found.message.from_)
    return message


async def _changer(req: func.HttpRequest, caller: Caller) -> Changer:
    from shared.languages import choose
    from shared.sending.changes import Changer

    organization = caller.organization
    settings = await organization.settings()
    return Changer.of(
        caller,
        service().words(organization),
        choose(req.headers.get("accept-language"), settings.language),
        clock=utc_now,
        new_id=lambda: uuid.uuid4().hex,
    )


def _state(organization: Organization, message: str, status: str, code: int) -> func.HttpResponse:
    self_ = f"/api/orgs/{organization.id}/messages/{message}"
    value: dict[str, Any] = {"id": message, "status": status, "links": {"self": self_}}
    return answer_json(value, code)
