"""Messages over HTTP, their delivery by queue, and the timer that hands over what is due."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.errors import Transient
from shared.messages.rows import instant_of as instant_of_ms
from shared.organizations import Organization
from shared.service import Service, service, utc_now
from shared.storage.names import DELIVER_QUEUE
from shared.telemetry import work
from shared.web.answers import answer_json, answering
from shared.web.requests import (
    cursor_for,
    cursor_of,
    flag_of,
    instant_of,
    json_body,
    limit_of,
    one_of,
    only_params,
    parse,
)

if TYPE_CHECKING:
    from shared.access.callers import Caller
    from shared.model import Seller
    from shared.sending.attempt import Workshop

blueprint = func.Blueprint()
log = logging.getLogger(__name__)


@blueprint.route(
    route="api/orgs/{org}/messages", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def messages(req: func.HttpRequest) -> func.HttpResponse:
    """`GET` a page of the list of messages; `POST` a message to send."""
    caller = await service().caller(req)
    if req.method == "GET":
        caller.require("read")
        return await _list(req, caller)
    caller.require("send")
    return await _send(req, caller)


@blueprint.route(
    route="api/orgs/{org}/follow-check", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def follow_check(req: func.HttpRequest) -> func.HttpResponse:
    """Whether a message to these recipients would be followed, and why not (rule F3)."""
    caller = await service().caller(req)
    caller.require("send", "read")
    only_params(req)
    body = json_body(req)
    from shared.messages.lookups import bounced_among
    from shared.model import FollowChoice
    from shared.sending.follow import decide_follow, preferences
    from shared.sending.requests import Addressed, refuse_too_many
    from shared.sending.wording import reasons_shown, warnings_shown

    recipients = parse(Addressed, body).recipients()
    refuse_too_many(recipients)
    organization = caller.organization
    decision, bounced = await asyncio.gather(
        decide_follow(
            organization,
            await organization.settings(),
            recipients,
            FollowChoice.PREFERRED,
            has_html=True,
        ),
        bounced_among(organization, [one.address for one in recipients]),
    )
    language = await language_of(req, organization)
    return answer_json(
        {
            "followed": decision.followed,
            "reasons": reasons_shown(decision.reasons, language),
            "recipients": [
                {"address": address, "preference": preference}
                for address, preference in preferences(decision.recipients).items()
            ],
            "warnings": warnings_shown(bounced, language),
        }
    )


@blueprint.queue_trigger(arg_name="msg", queue_name=DELIVER_QUEUE, connection="AzureWebJobsStorage")
async def deliver_message(msg: func.QueueMessage) -> None:
    """Takes one message as far as it can get now; one with a time only if it has come."""
    from shared.sending.deliver import deliver
    from shared.sending.due import fire_announced

    running = service()
    word = json.loads(msg.get_body())
    organization = running.organizations.get(word["organization"])
    if organization is None:
        log.warning("a message of %s waits; there is no such organization", word["organization"])
        return
    with work("deliver_message", organization=organization.id, message=word["message"]):
        try:
            if "due" in word:
                due_at = instant_of_ms(word["due"])
                say = running.deliverer(organization)
                await fire_announced(organization, word["message"], due_at, utc_now(), say)
                return
            later = await deliver(_workshop(running, organization), word["message"])
            if later is not None:
                await running.queues.send(DELIVER_QUEUE, word, delay=later.seconds)
        except Transient as error:
            # An outage is no reason to give a message up: the timer brings it back.
            log.warning("message %s waits: %s", word["message"], error)


@blueprint.queue_trigger(
    arg_name="msg", queue_name=f"{DELIVER_QUEUE}-poison", connection="AzureWebJobsStorage"
)
async def end_undeliverable_message(msg: func.QueueMessage) -> None:
    """A message whose delivery broke again and again ends as failed, with its reason."""
    from shared.sending.deliver import end_as_unexpected

    running = service()
    word = json.loads(msg.get_body())
    organization = running.organizations.get(word["organization"])
    if organization is not None:
        await end_as_unexpected(_workshop(running, organization), word["message"])


@blueprint.timer_trigger(arg_name="timer", schedule="%DUE_SCHEDULE%", use_monitor=False)
async def fire_due_messages(timer: func.TimerRequest) -> None:
    """Hands to delivery what is due in every organization."""
    running = service()
    # Side by side: one organization's storage being away must not keep the others waiting.
    await asyncio.gather(*(_fire(running, one) for one in running.organizations.all()))
    log.info("the timer %s has run", "fire_due_messages")


async def _fire(running: Service, organization: Organization) -> None:
    from shared.sending.due import fire_due
    from shared.sending.zone_changes import renew_local_times

    try:
        words = running.words(organization)
        await renew_local_times(organization, utc_now())
        await fire_due(organization, utc_now(), words.deliver, words.announce)
    except Transient as error:
        log.warning("what is due in %s is not fired now: %s", organization.id, error)
    except Exception:
        log.exception("what is due in %s could not be fired", organization.id)


async def language_of(
    req: func.HttpRequest, organization: Organization, seller: Seller | None = None
) -> str:
    """The caller's language: what they accept, else the seller's, else the organization's own."""
    from shared.languages import choose

    default = seller.language if seller else None
    if default is None:
        default = (await organization.settings()).language
    return choose(req.headers.get("accept-language"), default)


async def _list(req: func.HttpRequest, caller: Caller) -> func.HttpResponse:
    from shared.messages.reading import NEWEST_FIRST, SORTS, STATUSES, Query, read_page
    from shared.messages.shown import listed
    from shared.sending.wording import sentences

    only_params(
        req, "seller", "since", "until", "status", "followed", "search", "sort", "cursor", "limit"
    )
    status = one_of(req, "status", STATUSES)
    query = Query(
        seller=req.params.get("seller", "").lower() or None,
        seen_by=caller.sees_own_or_followed,
        since=instant_of(req, "since"),
        until=instant_of(req, "until"),
        status=status,
        followed=flag_of(req, "followed"),
        search=req.params.get("search", "").strip(),
        sort=one_of(req, "sort", SORTS) or NEWEST_FIRST,
        cursor=cursor_of(req),
        limit=limit_of(req),
    )
    organization = caller.organization
    settings = await organization.settings()
    page = await read_page(organization, query, utc_now())
    language = await language_of(req, organization)
    return answer_json(
        {
            "items": [
                listed(one, engagement=settings.engagement, sentences=sentences(one, language))
                for one in page.messages
            ],
            "cursor": cursor_for(page.cursor) if page.cursor else None,
        }
    )


async def _send(req: func.HttpRequest, caller: Caller) -> func.HttpResponse:
    only_params(req)
    body = json_body(req)
    from shared.attachments.staging import given_files
    from shared.sellers.store import load_seller
    from shared.sending.accept import IdempotencyKey, accept
    from shared.sending.conversation import refuse_unknown
    from shared.sending.idempotency import check_key, fingerprint, known_answer
    from shared.sending.requests import MessageRequest, check, refuse_too_large, reminder_of
    from shared.timing.recommended import recommended_send_time
    from shared.timing.send_times import RECOMMENDED

    running, organization = service(), caller.organization
    refuse_too_large(body)
    key = None
    given = check_key(req.headers.get("idempotency-key"))
    if given is not None:
        key = IdempotencyKey(given, fingerprint(body))
        # Before anything is checked again: whatever changed since, the answer stays the same.
        answer = await known_answer(organization, key.key, key.body, utc_now)
        if answer is not None:
            return _accepted(answer)
    request = parse(MessageRequest, body)
    send_time = check(request, utc_now())
    seller = await load_seller(organization, request.seller_address)
    recipients, seen_by = request.recipients(), caller.sees_own_or_followed
    await refuse_unknown(organization, request.in_reply_to, recipients, seen_by)
    files = await given_files(organization, request.files(), utc_now())
    language = await language_of(req, organization, seller)
    if request.send_at == RECOMMENDED:
        send_time = await recommended_send_time(organization, recipients, utc_now(), language)
    order = request.to_order(files, send_time, seller, language)
    order = replace(order, reminder=reminder_of(request, send_time, utc_now()))
    caller.require_own_name(order.from_, order.seller)
    answer = await accept(
        organization,
        order,
        key,
        clock=utc_now,
        new_id=lambda: uuid.uuid4().hex,
        words=running.words(organization),
    )
    with contextlib.suppress(Transient):
        # Accepted it is; the next message from this mailbox has it watched.
        await running.watch(organization, order.from_)
    return _accepted(answer)


def _accepted(answer: dict[str, Any]) -> func.HttpResponse:
    return answer_json(answer, 202, {"Location": answer["links"]["self"]})


def _workshop(running: Service, organization: Organization) -> Workshop:
    from shared.sending.attempt import Workshop
    from shared.sending.compose import recognizer

    return Workshop(
        organization=organization,
        mail=running.mail(organization),
        drive=running.drive(organization),
        addresses=running.addresses(organization),
        own=recognizer(running.signer, running.public_addresses),
        owner=uuid.uuid4().hex,
        clock=utc_now,
        upload=running.uploader(organization),
    )
