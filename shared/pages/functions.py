"""What sellers see: the list of messages, one message, their cards, and the ways there.

People sign in; an API key opens no page. A page that is asked for without having signed in leads to
the sign-in and back.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import azure.functions as func

from shared.access.callers import Caller, visitor_of
from shared.errors import Refusal
from shared.model import Status
from shared.pages.addresses import cards_address, message_address, messages_address
from shared.pages.answers import NotSignedIn, answering_pages, redirect
from shared.service import service, utc_now
from shared.web.requests import cursor_of, limit_of, message_id_of, one_of

if TYPE_CHECKING:
    from shared.sending.changes import Changer

blueprint = func.Blueprint()

TOO_LATE = "too-late"
NOT_LIKE_THIS = "not-like-this"
NO_SELLER = "no-seller"
GIVEN = "given"
SAID = (TOO_LATE, NOT_LIKE_THIS, NO_SELLER, GIVEN)
"""Why a button of the message's page changed nothing, or what it did where nothing else on the page
tells; its address says so to the page."""
_LONGEST_FORM = 4096
"""Bytes of a form that a page of ours sends."""


# A function app serves its root by an optional parameter that is never there: an empty route means
# the function's name. (azure-functions issue 2473; the host's own page must be off, too:
# AzureWebJobsDisableHomepage.)
@blueprint.route(
    route="{nothing:maxlength(0)?}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def home_page(req: func.HttpRequest) -> func.HttpResponse:
    """To the messages of the person's organization."""
    return redirect(messages_address(_visitor(req).organization.id))


@blueprint.route(route="orgs/{org}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering_pages
async def organization_page(req: func.HttpRequest) -> func.HttpResponse:
    """To the messages of the organization."""
    return redirect(messages_address(_visitor(req).organization.id))


@blueprint.route(route="orgs/{org}/messages", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering_pages
async def messages_page(req: func.HttpRequest) -> func.HttpResponse:
    """The list of messages with their KPIs (rule K1)."""
    visitor = _visitor(req)
    visitor.require("read")
    from shared.languages import choose
    from shared.pages.clocks import clock_of
    from shared.pages.message_list import PAGE_SIZE, PERIODS, choice_of, read_list
    from shared.pages.rendering import render

    settings, clock = await asyncio.gather(visitor.organization.settings(), clock_of(req, visitor))
    choice = choice_of(
        req.params,
        cursor=cursor_of(req),
        limit=limit_of(req, PAGE_SIZE),
        engagement=settings.engagement,
        seen_by=visitor.sees_own_or_followed,
    )
    shown = await read_list(visitor.organization, choice, utc_now(), engagement=settings.engagement)
    return render(
        "messages.html",
        choose(req.headers.get("accept-language"), settings.language),
        422 if shown.too_many else 200,
        reader=clock,
        visitor=visitor,
        shown=shown,
        statuses=tuple(Status),
        periods=tuple(PERIODS),
    )


@blueprint.route(
    route="orgs/{org}/messages/{id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def message_page(req: func.HttpRequest) -> func.HttpResponse:
    """One message with its KPIs and its timeline (rule K2)."""
    visitor = _visitor(req)
    visitor.require("read")
    from shared.languages import choose
    from shared.messages.reading import is_seen
    from shared.messages.timeline import AUTOMATED
    from shared.pages.clocks import clock_of
    from shared.pages.message_page import EVERYTHING, read_message_page
    from shared.pages.rendering import render
    from shared.sending.wording import failure_text, sentences

    settings, clock = await asyncio.gather(visitor.organization.settings(), clock_of(req, visitor))
    page = await read_message_page(
        visitor.organization,
        message_id_of(req),
        settings,
        utc_now(),
        automated=one_of(req, "automated", AUTOMATED) or EVERYTHING,
        cursor=cursor_of(req),
        limit=limit_of(req),
        gives=visitor.manages,
    )
    if page is None or not is_seen(page.message, visitor.sees_own_or_followed):
        raise Refusal(404, "There is no such message.")
    language = choose(req.headers.get("accept-language"), settings.language)
    acts = "send" in visitor.scopes and visitor.may_act_for(page.message.seller, page.message.from_)
    return render(
        "message.html",
        language,
        reader=clock,
        visitor=visitor,
        page=page,
        may_change=acts and page.message.may_change,
        may_retry=acts and page.may_be_retried,
        said=one_of(req, "said", SAID),
        sentences=sentences(page.message, language),
        failure_text=failure_text,
        automated_choices=AUTOMATED,
    )


@blueprint.route(route="orgs/{org}/cards", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering_pages
async def cards_page(req: func.HttpRequest) -> func.HttpResponse:
    """The person's own cards (rules R2–R4); its script asks for it again with the tag it has."""
    visitor = _visitor(req)
    visitor.require("read")
    assert visitor.person is not None
    from shared.assistant.cards import lists_of
    from shared.assistant.requests import card_of
    from shared.languages import choose
    from shared.pages.cards_page import read_cards_page
    from shared.pages.clocks import clock_of
    from shared.pages.rendering import render
    from shared.sending.wording import failure_text

    settings, clock = await asyncio.gather(visitor.organization.settings(), clock_of(req, visitor))
    language = choose(req.headers.get("accept-language"), settings.language)
    put_away = req.params.get("away") or None
    if put_away is not None:
        card_of(put_away)
    page = await read_cards_page(
        visitor.organization,
        lists_of(visitor.person.address, manages=visitor.manages),
        (language, clock.name),
        utc_now(),
        engagement=settings.engagement,
        tags=req.headers.get("if-none-match", ""),
        put_away=put_away,
        cursor=cursor_of(req),
    )
    if isinstance(page, str):
        return func.HttpResponse(status_code=304, headers={"ETag": page})
    return render(
        "cards.html",
        language,
        headers={"ETag": page.tag},
        reader=clock,
        script="cards.js",
        visitor=visitor,
        page=page,
        changes="send" in visitor.scopes,
        failure_text=failure_text,
    )


@blueprint.route(
    route="orgs/{org}/cards/{id}/{verb}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def put_card_away(req: func.HttpRequest) -> func.HttpResponse:
    """A form of the person's page: snoozes a card, dismisses it, or brings it back."""
    visitor, now = _visitor(req, back=cards_address(req.route_params["org"])), utc_now()
    assert visitor.person is not None
    from shared.assistant.cards import MANAGERS, Change, change_card
    from shared.assistant.requests import card_of

    changes: dict[str, Change] = {
        "snooze": lambda card: card.snoozed(now, None),
        "dismiss": lambda card: card.dismissed(now),
        "undo": lambda card: card.undone(),
    }
    card, verb = req.route_params["id"], req.route_params["verb"]
    if verb not in changes:
        raise Refusal(404, "There is nothing here.")
    organization, ref = visitor.organization, card_of(card)
    whose = visitor.person.address
    if ref.is_managers and visitor.manages:
        whose = MANAGERS
    else:
        visitor.require("send")
    await change_card(organization, whose, ref.id, changes[verb], now)
    away = {} if verb == "undo" else {"away": card}
    return redirect(cards_address(organization.id, **away), 303)


@blueprint.route(
    route="orgs/{org}/messages/{id}/send", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def send_now_button(req: func.HttpRequest) -> func.HttpResponse:
    """Sends a scheduled message now, and leads back to its page (rule S3)."""
    from shared.sending.changes import send_now

    return await _pressed(req, send_now)


@blueprint.route(
    route="orgs/{org}/messages/{id}/cancel", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def cancel_button(req: func.HttpRequest) -> func.HttpResponse:
    """Cancels a message whose sending has not begun, and leads back to its page (rule S3)."""
    from shared.sending.changes import cancel

    return await _pressed(req, cancel)


@blueprint.route(
    route="orgs/{org}/messages/{id}/retry", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def retry_button(req: func.HttpRequest) -> func.HttpResponse:
    """Tries again to send a message that failed, and leads back to its page (rule S2)."""

    async def again(changer: Changer, message: str) -> None:
        from shared.sending.again import retry

        deliver = changer.words.deliver
        now = changer.clock()
        await retry(changer.organization, message, even_if_sent=False, now=now, deliver=deliver)

    return await _pressed(req, again)


@blueprint.route(
    route="orgs/{org}/messages/{id}/give", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering_pages
async def give_form(req: func.HttpRequest) -> func.HttpResponse:
    """Gives a message to another seller, for managers, and leads back to its page: its own seller's
    mailbox may be gone."""
    seller = _typed(req, "seller")

    async def give(changer: Changer, message: str) -> None:
        from shared.sending.changes import anybody, change

        changer.may_send_as = anybody
        await change(changer, message, {"from": seller, "seller": seller})

    return await _pressed(req, give, of_managers=True)


@blueprint.route(route="favicon.svg", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering_pages
async def icon_of_pages(req: func.HttpRequest) -> func.HttpResponse:
    """The picture beside a page's title."""
    from shared.pages.rendering import icon

    return icon()


async def _pressed(
    req: func.HttpRequest,
    doing: Callable[[Changer, str], Awaitable[object]],
    *,
    of_managers: bool = False,
) -> func.HttpResponse:
    """Does what a button of a message's page says, for who may; then that page again.

    That a page of ours asked was looked at with who asks (`visitor_of`).
    """
    message = message_id_of(req)
    visitor = _visitor(req, back=message_address(req.route_params["org"], message))
    if of_managers and not visitor.manages:
        raise Refusal(403, "Only managers and administrators can do this.")
    if not of_managers:
        visitor.require("send")
    from shared.languages import choose
    from shared.messages.reading import read_seen
    from shared.sending.changes import Changer

    organization = visitor.organization
    found = await read_seen(organization, message, visitor.sees_own_or_followed)
    if not of_managers:
        visitor.require_own(found.message.seller, found.message.from_)
    language = choose(req.headers.get("accept-language"), (await organization.settings()).language)
    changer = Changer.of(
        visitor,
        service().words(organization),
        language,
        clock=utc_now,
        new_id=lambda: uuid.uuid4().hex,
    )
    said = {"said": GIVEN} if of_managers else {}
    try:
        await doing(changer, message)
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        said = {"said": _why(refusal, of_managers)}
    return redirect(message_address(organization.id, message, **said), 303)


def _why(refusal: Refusal, gives: bool) -> str:
    if refusal.status == 409:
        return TOO_LATE
    wrong = {problem.pointer for problem in refusal.problems}
    return NO_SELLER if gives and wrong & {"/from", "/seller"} else NOT_LIKE_THIS


def _typed(req: func.HttpRequest, field: str) -> str:
    """What was typed into a form's field; empty where nothing was."""
    body = req.get_body()
    if len(body) > _LONGEST_FORM:
        raise Refusal(413, "This form is too long.")
    return parse_qs(body.decode("utf-8", "replace")).get(field, [""])[0].strip()


def _visitor(req: func.HttpRequest, back: str | None = None) -> Caller:
    """Who visits; a stranger comes to `back` after signing in, else to the same page."""
    running = service()
    if not running.settings.signed_in_people:
        raise Refusal(503, "Nobody can sign in here.", code="signInOff")
    visitor = visitor_of(req, running.organizations, people_sign_in=True)
    if visitor is None:
        raise NotSignedIn(back)
    return visitor
