"""What may be changed of an organization's settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.model import IpHandling
from shared.organizations import OrganizationSettings
from shared.web.fields import CardChoices, MailAddress, RequestModel, given

LONGEST_LIST = 48 * 1024
"""Bytes of all sending mailboxes together: they are kept in one property of a row."""


def _fits(mailboxes: list[str]) -> list[str]:
    if sum(len(mailbox.encode()) for mailbox in mailboxes) > LONGEST_LIST:
        raise ValueError("These are too many mailboxes to keep; list fewer, or none for all")
    return mailboxes


Mailboxes = Annotated[list[MailAddress], Field(max_length=500), AfterValidator(_fits)]


DriveId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!_.-]{1,200}$")]
"""The id of a drive in Microsoft Graph."""


def _network(text: str) -> str:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError("This is no network, as 192.0.2.0/24 or 2001:db8::/48 is one") from None
    if network.prefixlen < (8 if network.version == 4 else 16):
        raise ValueError("This network is too large to be an organization's own")
    return str(network)


Networks = Annotated[list[Annotated[str, AfterValidator(_network)]], Field(max_length=200)]


class SettingsRequest(RequestModel):
    """Only what is named changes."""

    engagement: bool = True
    recipient_limit: Annotated[int, Field(ge=1, le=500)] = 20
    sending_mailboxes: Mailboxes = []
    language: Literal["en", "pt-BR", "es"] = "en"
    attachment_limit_mb: Annotated[int, Field(ge=1, le=150)] = 25
    ip_handling: IpHandling = IpHandling.DROPPED
    own_networks: Networks = []
    file_drive: DriveId | None = None
    file_link_days: Annotated[int, Field(ge=1, le=3650)] = 180
    sends_per_minute: Annotated[int, Field(ge=1, le=1000)] = 30
    sends_at_once: Annotated[int, Field(ge=1, le=50)] = 4
    assistant: bool = True
    cards: CardChoices = CardChoices()

    def applied(self, before: OrganizationSettings, now: datetime) -> OrganizationSettings:
        """The settings with what this request names changed, from `now` on."""
        changes = given(self)
        engagement = changes.pop("engagement", before.engagement)
        assistant = changes.pop("assistant", before.assistant)
        if "sending_mailboxes" in changes:
            mailboxes = (mailbox.lower() for mailbox in changes["sending_mailboxes"])
            changes["sending_mailboxes"] = tuple(dict.fromkeys(mailboxes))
        if "own_networks" in changes:
            changes["own_networks"] = tuple(dict.fromkeys(changes["own_networks"]))
        if "attachment_limit_mb" in changes:
            changes["attachment_limit"] = changes.pop("attachment_limit_mb") * 1024 * 1024
        if "sends_per_minute" in changes:
            changes["sends_a_minute"] = changes.pop("sends_per_minute")
        if "cards" in changes:
            changes["cards"] = {**before.cards, **self.cards.chosen()}
        switched = replace(before, **changes).with_engagement(engagement, now)
        return switched.with_assistant(assistant, now)
