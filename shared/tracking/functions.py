"""What recipients touch, the timeline, and the folding of hits by queue and timer.

The pixel and the redirect do one signature check and hand the hit over; nothing else is loaded on
their way. Whatever happens, the pixel is answered and a sound link redirects.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

import azure.functions as func

from shared.errors import Transient
from shared.organizations import Organization
from shared.service import Service, now_ms, service, utc_now
from shared.storage.names import FOLD_QUEUE
from shared.tracking.hits import LONGEST_AGENT, SIGNALS, Hit, client_entry
from shared.tracking.tokens import Kind, Mangled, Sound, Target, Withdrawn
from shared.web.answers import answer_json, answering
from shared.web.requests import (
    cursor_for,
    cursor_of,
    limit_of,
    message_id_of,
    one_of,
    only_params,
)

blueprint = func.Blueprint()
log = logging.getLogger(__name__)

PIXEL_PATIENCE_S = 1.0
REDIRECT_PATIENCE_S = 0.1
"""How long a recipient waits for storage at most (rules T1, T4); then the local disk takes the
hit."""

IMAGE_PATIENCE_S = 15.0
"""How long an image may take out of storage; then the recipient's program may ask again."""

LONGEST_FOLD = timedelta(minutes=2)

_LONGEST_COUNTRY = 8
"""Characters; a longer one is none."""

TRANSPARENT_GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
_PIXEL_HEADERS = {
    "Content-Type": "image/gif",
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Pragma": "no-cache",
    "Expires": "0",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_IMAGE_HEADERS = {
    **{name: value for name, value in _PIXEL_HEADERS.items() if name != "Content-Type"},
    # Should ever something get in that is more than an image, it may do nothing in our name.
    "Content-Security-Policy": "sandbox; default-src 'none'",
}
_PIXEL = func.HttpResponse(TRANSPARENT_GIF, headers=_PIXEL_HEADERS)
"""One answer for all: making it anew costs a tenth of a hit. It names its type among its headers,
so that the worker, which adds that where it is missing, changes nothing of it."""

_REDIRECT_HEADERS = {
    "Cache-Control": "no-store, private, max-age=0",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


@blueprint.route(route="o/{file}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
async def open_pixel(req: func.HttpRequest) -> func.HttpResponse:
    """The transparent GIF, whatever happens (rule T1); an open, where the token is sound."""
    return await record_open(req)


async def record_open(req: func.HttpRequest) -> func.HttpResponse:
    """What the pixel does, without its trigger, so that it can be measured by itself."""
    try:
        running = service()
        token = req.route_params["file"].removesuffix(".gif")
        verdict = running.signer.verify(Kind.OPEN, token)
        if isinstance(verdict, Sound):
            await _record(running, "open", verdict.target, req, PIXEL_PATIENCE_S)
    except Exception:
        log.exception("an open could not be recorded")
    return _PIXEL


@blueprint.route(route="r/{token}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
async def redirect(req: func.HttpRequest) -> func.HttpResponse:
    """302 to the signed destination, and a click (rules T3, T4); anything else does not
    redirect."""
    running = service()
    destination = req.params.get("u", "")
    verdict = running.signer.verify(Kind.CLICK, req.route_params["token"], destination)
    if not isinstance(verdict, Sound):
        try:
            return await _not_redirected(req, running, verdict)
        except Exception:
            log.exception("the page of a link that does not redirect failed")
            return func.HttpResponse("This link was changed on its way.", status_code=400)
    try:
        await _record(running, "click", verdict.target, req, REDIRECT_PATIENCE_S)
    except Exception:
        log.exception("a click could not be recorded")
    return func.HttpResponse(
        status_code=302, headers={"Location": destination, **_REDIRECT_HEADERS}
    )


@blueprint.route(
    route="i/{token}/{name}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS
)
async def stored_image(req: func.HttpRequest) -> func.HttpResponse:
    """An image of a message from the organization's storage, and the hit (rule T2)."""
    running = service()
    verdict = running.signer.verify(Kind.IMAGE, req.route_params["token"])
    if not isinstance(verdict, Sound):
        return _no_image(404)
    answer, recorded = await asyncio.gather(
        _image_answer(running, verdict.target),
        _record(running, "image", verdict.target, req, PIXEL_PATIENCE_S),
        return_exceptions=True,
    )
    if isinstance(recorded, BaseException):
        log.error("an image could not be recorded", exc_info=recorded)
    if isinstance(answer, BaseException):
        raise answer
    return answer


@blueprint.route(
    route="a/{token}/{name}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS
)
async def view_attachment(req: func.HttpRequest) -> func.HttpResponse:
    """302 to a followed file, and a view of it (rule T5); 410 once it expired or was taken back."""
    from shared.languages import choose
    from shared.pages import recipients

    running = service()
    language = choose(req.headers.get("accept-language"))
    verdict = running.signer.verify(Kind.ATTACHMENT, req.route_params["token"])
    if isinstance(verdict, Withdrawn):
        return recipients.withdrawn_link_page(language)
    if not isinstance(verdict, Sound):
        return recipients.unknown_link_page(language)
    try:
        address = await _address_of_file(running, verdict.target)
    except Transient as error:
        log.warning("an attachment cannot be shown now: %s", error)
        return recipients.unavailable_file_page(language)
    if address is None:
        return recipients.gone_file_page(language)
    try:
        await _record(running, "attachmentView", verdict.target, req, REDIRECT_PATIENCE_S)
    except Exception:
        log.exception("a view of an attachment could not be recorded")
    return func.HttpResponse(status_code=302, headers={"Location": address, **_REDIRECT_HEADERS})


@blueprint.route(
    route="api/orgs/{org}/messages/{id}/events",
    methods=["GET"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def events(req: func.HttpRequest) -> func.HttpResponse:
    """The timeline of a message, newest first (rules K2, T8)."""
    caller = await service().caller(req)
    caller.require("read")
    only_params(req, "automated", "cursor", "limit")
    from shared.messages.files import read_files
    from shared.messages.reading import read_links, read_seen
    from shared.messages.shown import entry_shown
    from shared.messages.timeline import AUTOMATED, entries, read_timeline

    organization = caller.organization
    automated = one_of(req, "automated", AUTOMATED) or "include"
    cursor, limit = cursor_of(req), limit_of(req)
    stored = await read_seen(organization, message_id_of(req), caller.sees_own_or_followed)
    settings = await organization.settings()
    if not settings.engagement:
        return answer_json({"items": [], "cursor": None})
    page = await read_timeline(
        organization, stored.message.id, automated=automated, cursor=cursor, limit=limit
    )
    links = await read_links(organization, stored.message.id)
    files = await read_files(organization, stored.message.id)
    told = entries(page.events, stored.copies, links, [one.file for one in files])
    return answer_json(
        {
            "items": [entry_shown(entry) for entry in told],
            "cursor": cursor_for(page.cursor) if page.cursor else None,
        }
    )


@blueprint.route(
    route="api/orgs/{org}/rebuild", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def rebuild(req: func.HttpRequest) -> func.HttpResponse:
    """Recomputes the KPIs and lists of some messages from their events; says what differed (T9)."""
    caller = await service().caller(req)
    caller.require("admin")
    only_params(req, "cursor")
    from shared.tracking.rebuild import rebuild_page
    from shared.tracking.segments import put_back_aside

    cursor = cursor_of(req)
    if not cursor and await put_back_aside(caller.organization):
        await _fold(service(), caller.organization)
    page = await rebuild_page(caller.organization, cursor)
    return answer_json(
        {
            "messages": page.messages,
            "differences": [asdict(difference) for difference in page.differences],
            "cursor": cursor_for(page.cursor) if page.cursor else None,
        }
    )


@blueprint.queue_trigger(arg_name="msg", queue_name=FOLD_QUEUE, connection="AzureWebJobsStorage")
async def fold_hits(msg: func.QueueMessage) -> None:
    """Folds what is in for one organization."""
    running = service()
    organization = running.organizations.get(json.loads(msg.get_body())["organization"])
    if organization is not None:
        await _sweep(running, organization)


@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", use_monitor=False)
async def sweep_hits(timer: func.TimerRequest) -> None:
    """Takes over journals of processes that ended, gives the overflow back, and folds what
    waits."""
    running = service()
    running.ingest.adopt_journals()
    # All at once: one organization whose storage hangs must not keep the others waiting.
    await asyncio.gather(
        _give_overflow_back(running),
        *(_sweep(running, organization) for organization in running.organizations.all()),
    )
    log.info("the timer %s has run", "sweep_hits")


async def _give_overflow_back(running: Service) -> None:
    try:
        for organization in await running.overflow.give_back(running.organizations):
            await running.queues.send(FOLD_QUEUE, {"organization": organization})
    except Transient as error:
        log.warning("the overflow is not given back now: %s", error)


async def _sweep(running: Service, organization: Organization) -> None:
    try:
        await _fold(running, organization)
    except Transient as error:
        log.warning("hits of %s are not folded now: %s", organization.id, error)
    except Exception:
        log.exception("hits of %s could not be folded", organization.id)


async def _record(
    running: Service, kind: str, target: Target, req: func.HttpRequest, patience: float
) -> None:
    headers, settings = req.headers, running.settings
    hit = Hit(
        id=os.urandom(16).hex(),
        at=now_ms(),
        kind=kind,
        message=target.message,
        copy=target.copy,
        index=target.index,
        method=req.method,
        agent=headers.get("user-agent", "")[:LONGEST_AGENT],
        signals=tuple((name, headers[name][:64]) for name in SIGNALS if name in headers),
        address=client_entry(headers.get("x-forwarded-for"), settings.trusted_proxy_hops),
        country=_country(headers, settings.country_header),
    )
    await running.ingest.record(target.organization, hit, patience)


def _country(headers: Mapping[str, str], name: str | None) -> str | None:
    said = headers.get(name) if name else None
    return said[:_LONGEST_COUNTRY] if said else None


async def _image_answer(running: Service, target: Target) -> func.HttpResponse:
    from shared.messages.images import load_image

    organization = running.organizations.get(target.organization)
    if organization is None:
        return _no_image(404)
    try:
        async with asyncio.timeout(IMAGE_PATIENCE_S):
            found = await load_image(organization, target.message, target.copy, target.index)
    except (Transient, TimeoutError) as error:
        log.warning("an image of %s does not come from storage: %s", organization.id, error)
        return _no_image(503)
    if found is None:
        return _no_image(404)
    image, content = found
    return func.HttpResponse(content, mimetype=image.content_type, headers=_IMAGE_HEADERS)


def _no_image(status: int) -> func.HttpResponse:
    again = {"Retry-After": f"{Transient.retry_after:.0f}"} if status == 503 else {}
    return func.HttpResponse(
        status_code=status, mimetype="text/plain", headers={**_IMAGE_HEADERS, **again}
    )


async def _not_redirected(
    req: func.HttpRequest, running: Service, verdict: object
) -> func.HttpResponse:
    """The page for a link that does not redirect: withdrawn, mangled on the way, or not ours."""
    from shared.languages import choose
    from shared.pages.recipients import altered_link_page, withdrawn_link_page

    language = choose(req.headers.get("accept-language"))
    if isinstance(verdict, Withdrawn):
        return withdrawn_link_page(language)
    stored = await _stored_link(running, verdict.target) if isinstance(verdict, Mangled) else None
    return altered_link_page(language, stored)


async def _stored_link(running: Service, target: Target) -> tuple[str, str] | None:
    """Where the seller's link leads, and a sound redirect to it; None where that is not known."""
    from shared.messages.rows import TABLE, link_from_row, link_key

    organization = running.organizations.get(target.organization)
    if organization is None:
        return None
    try:
        key = link_key(target.copy, target.index)
        read = await organization.tables.get(TABLE, target.message, key)
    except Transient:
        return None
    if read is None:
        return None
    url = link_from_row(read.row).url
    return url, running.addresses(organization).redirect(target, url)


async def _address_of_file(running: Service, target: Target) -> str | None:
    """Where a followed file is; None where it is there no more, or its organization is not."""
    from shared.attachments.use import address_of_file

    organization = running.organizations.get(target.organization)
    if organization is None:
        return None
    drive = running.drive(organization)
    return await address_of_file(organization, drive, target.message, target.index, utc_now())


async def _fold(running: Service, organization: Organization) -> None:
    from shared.tracking.fold import fold

    done = await fold(organization, uuid.uuid4().hex, utc_now, until=utc_now() + LONGEST_FOLD)
    if not done:
        await running.queues.send(FOLD_QUEUE, {"organization": organization.id})
