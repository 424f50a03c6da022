"""A seller's cards over HTTP: listed, snoozed, dismissed, and back again (rules R2, R3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func

from shared.errors import Refusal
from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import cursor_for, cursor_of, json_body, limit_of, only_params, parse

if TYPE_CHECKING:
    from shared.access.callers import Caller
    from shared.assistant.cards import StoredCard
    from shared.assistant.requests import CardRef

blueprint = func.Blueprint()

_CACHED = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Authorization, Cookie"}
_PLACE = re.compile(r"[0-9]{13}~[0-9a-f]{32}-[A-Za-z0-9-]+")


@blueprint.route(route="api/orgs/{org}/cards", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answering
async def cards(req: func.HttpRequest) -> func.HttpResponse:
    """A seller's cards, newest first. Asked with the tag of the answer before, it costs one small
    read as long as nothing changes."""
    caller = await service().caller(req)
    caller.require("read")
    only_params(req, "seller", "cursor", "limit")
    sellers, after, limit = _sellers(req, caller), cursor_of(req), limit_of(req)
    if after and not _PLACE.fullmatch(after):
        raise Refusal(422, "This cursor is none of this list; use the one from the page before.")
    from shared.assistant.cards import last_change, read_cards
    from shared.assistant.shown import card_shown, same_tag, tag_of
    from shared.languages import choose

    organization, now = caller.organization, utc_now()
    accepted = req.headers.get("accept-language", "")
    asked = (organization.id, *sellers, after, str(limit), accepted)
    # Before the cards: a change in between makes the tag an old one, and is seen the next time.
    change = await last_change(organization, sellers)
    same = same_tag(req.headers.get("if-none-match", ""), change, asked, now)
    if same is not None:
        return func.HttpResponse(status_code=304, headers={"ETag": same, **_CACHED})
    settings = await organization.settings()
    page = await read_cards(
        organization, sellers, now, engagement=settings.engagement, after=after, limit=limit
    )
    language = choose(accepted, settings.language)
    value = {
        "items": [card_shown(organization.id, card, language, now) for card in page.cards],
        "cursor": cursor_for(page.cursor) if page.cursor else None,
    }
    tag = tag_of(change, asked, now, page.same_until)
    return answer_json(value, 200, {"ETag": tag, **_CACHED})


@blueprint.route(
    route="api/orgs/{org}/cards/{id}/snooze",
    methods=["POST"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def snooze_card(req: func.HttpRequest) -> func.HttpResponse:
    """Hides a card for an hour where it is urgent, else for a day, or until a chosen time."""
    who = await _changer(req)
    from shared.assistant.requests import SnoozeRequest

    now = utc_now()
    request = parse(SnoozeRequest, json_body(req, largest=1024) if req.get_body() else {})
    until = request.until_when(now)
    return await _changed(req, who, lambda card: card.snoozed(now, until))


@blueprint.route(
    route="api/orgs/{org}/cards/{id}/dismiss",
    methods=["POST"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def dismiss_card(req: func.HttpRequest) -> func.HttpResponse:
    """Puts a card away for good; once more changes nothing."""
    who, now = await _changer(req), utc_now()
    _refuse_words(req)
    return await _changed(req, who, lambda card: card.dismissed(now))


@blueprint.route(
    route="api/orgs/{org}/cards/{id}/undo", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def undo_card(req: func.HttpRequest) -> func.HttpResponse:
    """Brings a card back that was snoozed or dismissed."""
    who = await _changer(req)
    _refuse_words(req)
    return await _changed(req, who, lambda card: card.undone())


def _sellers(req: func.HttpRequest, caller: Caller) -> tuple[str, ...]:
    """Whose cards are asked for: a person's own unless they name somebody, with those of the
    managers for one of them."""
    from shared.assistant.cards import lists_of

    seller: str = req.params.get("seller", "").lower()
    if caller.person is None:
        if not seller:
            raise Refusal(422, "Say whose cards: ?seller=, with the address of a seller.")
        return (seller,)
    if not seller:
        return lists_of(caller.person.address, manages=caller.manages)
    if caller.sees_own_or_followed not in (None, seller):
        raise Refusal(403, f"You see your own cards, {caller.person.address}'s, only.")
    return (seller,)


async def _changer(req: func.HttpRequest) -> tuple[Caller, CardRef]:
    """Who changes a card, and which; a manager reads only, but for the managers' cards."""
    from shared.assistant.requests import card_of

    caller = await service().caller(req)
    card = card_of(req.route_params["id"])
    if not (card.is_managers and caller.manages):
        caller.require("send")
    only_params(req)
    return caller, card


def _refuse_words(req: func.HttpRequest) -> None:
    if req.get_body():
        from shared.web.fields import RequestModel

        parse(RequestModel, json_body(req, largest=1024))


async def _changed(
    req: func.HttpRequest, who: tuple[Caller, CardRef], change: Callable[[StoredCard], StoredCard]
) -> func.HttpResponse:
    from shared.assistant.cards import MANAGERS, change_card
    from shared.assistant.shown import card_shown
    from shared.languages import choose
    from shared.messages.stored import read_message

    caller, card = who
    organization = caller.organization
    stored = await read_message(organization, card.message)
    if stored is None:
        raise Refusal(404, "There is no such card.")
    seller = MANAGERS if card.is_managers else stored.message.seller
    if not (card.is_managers and caller.manages):
        caller.require_own(seller)
    now = utc_now()
    changed = await change_card(organization, seller, card.id, change, now)
    settings = await organization.settings()
    language = choose(req.headers.get("accept-language"), settings.language)
    return answer_json(card_shown(organization.id, changed, language, now))
