"""`/sellers/{address}`: what a seller decided for their own mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.errors import Refusal
from shared.model import CardKind, Seller
from shared.replies.mailboxes import mailbox_zone
from shared.sellers.store import load_seller, store_seller
from shared.service import service
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

if TYPE_CHECKING:
    from shared.access.callers import Caller

blueprint = func.Blueprint()

_LARGEST_REQUEST = 1024 * 1024
"""Bytes: both forms of the largest signature, with every character escaped."""


@blueprint.route(
    route="api/orgs/{org}/sellers/{address}",
    methods=["GET", "PUT"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def seller(req: func.HttpRequest) -> func.HttpResponse:
    """A seller of the organization; one who decided nothing yet has the defaults."""
    caller = await service().caller(req)
    only_params(req)
    address = _address(req, caller)
    if req.method == "GET":
        caller.require("read", "send", "admin")
        return await _answer(caller, await load_seller(caller.organization, address))
    caller.require("send", "admin")
    if caller.person and "admin" not in caller.scopes and address != caller.person.address:
        raise Refusal(403, f"You can change what is your own, {caller.person.address}, only.")
    body = json_body(req, largest=_LARGEST_REQUEST)
    from shared.sellers.requests import SellerRequest, refuse_too_large

    refuse_too_large(body)
    wanted = parse(SellerRequest, body).to_seller(address)
    await store_seller(caller.organization, wanted)
    return await _answer(caller, wanted)


def _address(req: func.HttpRequest, caller: Caller) -> str:
    """The address in the path; 404 where it is not of the organization's domains."""
    from shared.sellers.requests import AddressInPath

    address = parse(AddressInPath, {"address": req.route_params["address"]}).address.lower()
    if not caller.organization.has_domain_of(address):
        raise Refusal(404, "There is no such seller.")
    return address


async def _answer(caller: Caller, seller: Seller) -> func.HttpResponse:
    return answer_json(_shown(seller, await mailbox_zone(caller.organization, seller.address)))


def _shown(seller: Seller, mailbox_zone: str | None) -> dict[str, Any]:
    return {
        "address": seller.address,
        "name": seller.name,
        "language": seller.language,
        "timeZone": seller.time_zone,
        "mailboxTimeZone": mailbox_zone,
        "signature": seller.signature,
        "signatureText": seller.signature_text,
        "cards": {kind.value: seller.wants(kind) for kind in CardKind},
    }
