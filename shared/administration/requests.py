"""What may be changed of an organization's settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.organizations import OrganizationSettings
from shared.web.fields import MailAddress, RequestModel, given


class SettingsRequest(RequestModel):
    """Only what is named changes."""

    engagement: bool = True
    recipient_limit: Annotated[int, Field(ge=1, le=500)] = 20
    sending_mailboxes: Annotated[list[MailAddress], Field(max_length=500)] = []
    language: Literal["en", "pt-BR", "es"] = "en"

    def applied(self, before: OrganizationSettings, now: datetime) -> OrganizationSettings:
        """The settings with what this request names changed, from `now` on."""
        changes = given(self)
        engagement = changes.pop("engagement", before.engagement)
        if "sending_mailboxes" in changes:
            mailboxes = (mailbox.lower() for mailbox in changes["sending_mailboxes"])
            changes["sending_mailboxes"] = tuple(dict.fromkeys(mailboxes))
        return replace(before, **changes).with_engagement(engagement, now)
