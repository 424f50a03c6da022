"""What a seller may ask of a card."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from shared.assistant.cards import is_managers
from shared.errors import Problem, Refusal
from shared.web.fields import RequestModel

LONGEST_SNOOZE = timedelta(days=366)
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+([Zz]|[+-][0-9]{2}:[0-9]{2})$"
_CARD_ID = re.compile(r"([0-9a-f]{32})-[A-Za-z]{1,20}(-[0-9]{1,4})?")


class SnoozeRequest(RequestModel):
    """Until when; left out, it is as long as a card of that priority sleeps (rule R3)."""

    until: Annotated[str, StringConstraints(pattern=_INSTANT)] | None = None

    def until_when(self, now: datetime) -> datetime | None:
        """The chosen time; `Refusal` 422 where it is none, has passed or is too far away."""
        if self.until is None:
            return None
        try:
            until = datetime.fromisoformat(self.until.upper())
        except ValueError:
            raise _refusal("There is no such time.") from None
        if until <= now:
            raise _refusal("This time has passed.")
        if until > now + LONGEST_SNOOZE:
            raise _refusal(f"This is more than {LONGEST_SNOOZE.days} days ahead.")
        return until


@dataclass(frozen=True, slots=True)
class CardRef:
    """A card's id, and that of the message it is about."""

    id: str
    message: str

    @property
    def is_managers(self) -> bool:
        return is_managers(self.id)


def card_of(text: str) -> CardRef:
    """The card with that id; `Refusal` 404 for what cannot be one."""
    parts = _CARD_ID.fullmatch(text)
    if parts is None:
        raise Refusal(404, "There is no such card.")
    return CardRef(text, parts[1])


def _refusal(detail: str) -> Refusal:
    return Refusal(422, f"until: {detail}", (Problem("/until", detail),))
