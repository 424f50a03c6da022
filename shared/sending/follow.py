"""Whether a message is followed, and why not (rules F1, F2, F5): pure, once the records are
known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model import FOLLOWABLE_TYPES, FollowChoice, Reason, Recipient
from shared.organizations import Organization, OrganizationSettings
from shared.records.store import load_record, records_with_address

LONGEST_NAMING = 600
"""Characters of addresses in one reason; a mail address has at most 254. (The library of the
sentences takes values of up to 1,000, and a row keeps the reasons in one property.)"""


_LOOK_UPS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Resolved:
    """A recipient with the types of the records behind its address and what they say of
    following."""

    recipient: Recipient
    record_types: tuple[str, ...]
    may_follow: bool


@dataclass(frozen=True, slots=True)
class Decision:
    followed: bool
    reasons: tuple[Reason, ...]
    recipients: tuple[Resolved, ...]


async def decide_follow(
    organization: Organization,
    settings: OrganizationSettings,
    recipients: Sequence[Recipient],
    choice: FollowChoice,
    *,
    has_html: bool,
) -> Decision:
    """Looks the recipients' records up and decides."""
    places = asyncio.Semaphore(_LOOK_UPS_AT_ONCE)

    async def resolve(one: Recipient) -> Resolved:
        async with places:
            return await _resolve(organization, one)

    resolved = await asyncio.gather(*(resolve(one) for one in recipients))
    reasons = why_not(resolved, choice, has_html=has_html, settings=settings)
    return Decision(not reasons, reasons, tuple(resolved))


def why_not(
    recipients: Sequence[Resolved],
    choice: FollowChoice,
    *,
    has_html: bool,
    settings: OrganizationSettings,
) -> tuple[Reason, ...]:
    """Every reason against following; none means the message is followed.

    Records matter for To and Cc; a preference matters for Bcc as well: any "no" wins.
    """
    seen = [one for one in recipients if one.recipient.field != "bcc"]
    unknown = [one for one in seen if not one.record_types]
    others = [one for one in seen if one.record_types and not _followable(one)]
    against = [one for one in recipients if not one.may_follow]
    found = (
        (not settings.engagement, Reason("engagementOff")),
        (choice is FollowChoice.OFF, Reason("sellerChoseNot")),
        (not has_html, Reason("textOnly")),
        (
            len(recipients) > settings.recipient_limit,
            Reason("bulk", limit=settings.recipient_limit),
        ),
        (bool(unknown), Reason("noRecord", _who(unknown))),
        (bool(others), Reason("otherRecordTypes", _who(others))),
        (bool(against), Reason("recipientOptedOut", _who(against))),
        (not any(map(_followable, seen)), Reason("noFollowableRecipient")),
    )
    return tuple(reason for applies, reason in found if applies)


def preferences(recipients: Sequence[Resolved]) -> Mapping[str, bool]:
    """Each address with whether it may be followed; any "no" for it wins."""
    allowed: dict[str, bool] = {}
    for one in recipients:
        address = one.recipient.address
        allowed[address] = allowed.get(address, True) and one.may_follow
    return allowed


async def _resolve(organization: Organization, recipient: Recipient) -> Resolved:
    """Any "no" wins: with this message, of the named record, of every record with the address."""
    records = list(await records_with_address(organization, recipient.address))
    types = tuple(record.ref.type for record in records)
    if recipient.record is not None:
        types = (recipient.record.type,)
        named = await load_record(organization, recipient.record)
        records += [named] if named is not None else []
    allowed = recipient.follow_email is not False and all(one.follow_email for one in records)
    return Resolved(recipient, types, allowed)


def _followable(one: Resolved) -> bool:
    return any(type_ in FOLLOWABLE_TYPES for type_ in one.record_types)


def _who(recipients: Sequence[Resolved]) -> tuple[str, ...]:
    """Each address once; a crowd is named by those who fit into a sentence, then "…"."""
    named: list[str] = []
    for address in dict.fromkeys(one.recipient.address for one in recipients):
        if sum(map(len, (*named, address))) > LONGEST_NAMING:
            return (*named, "…")
        named.append(address)
    return tuple(named)
