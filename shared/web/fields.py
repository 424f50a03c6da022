"""Fields that several requests share, with their rules (pydantic); only API functions load it."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from shared.model import CardKind
from shared.web.zone_names import iana_name

# A mailbox address never has more (RFC 5321 §4.5.3.1.3), a name more is no name.
_LONGEST_ADDRESS = 254

# Control characters, and what Unicode has for line and paragraph ends.
_BREAKS = frozenset({"Cc", "Zl", "Zp"})


class RequestModel(BaseModel):
    """A JSON object that callers send: camelCase, strict types, unknown fields refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=False
    )


def _mail_address(value: str) -> str:
    try:
        validate_email(value, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError as error:
        raise ValueError(f"This is not a mail address: {error}") from None
    return value


def _time_zone(value: str) -> str:
    """The IANA name of a zone that may be said by Windows' name."""
    known = iana_name(value)
    if known is None:
        raise ValueError(f"There is no time zone {value!r}; use a name like America/Sao_Paulo")
    return known


def _no_control_characters(value: str) -> str:
    if any(unicodedata.category(character) in _BREAKS for character in value):
        raise ValueError("Line breaks and control characters are not allowed here")
    return value


Line = Annotated[str, AfterValidator(_no_control_characters)]
MailAddress = Annotated[
    str, StringConstraints(max_length=_LONGEST_ADDRESS), AfterValidator(_mail_address)
]
Name = Annotated[Line, StringConstraints(max_length=256)]
RecordType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
RecordId = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
TimeZoneName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)]
Phone = Annotated[Line, StringConstraints(max_length=64)]


class PostalAddress(RequestModel):
    country: Name | None = None
    region: Name | None = None
    city: Name | None = None


class CardChoices(RequestModel):
    """Which kinds of cards somebody wants; those not named stay, or are as everybody has them."""

    opened: bool = True
    reminder_due: bool = True
    failed: bool = True
    bounced: bool = True
    clicked: bool = True
    attachment_viewed: bool = True
    replied: bool = True
    opened_again: bool = True

    def chosen(self) -> dict[CardKind, bool]:
        """What was really said."""
        return {CardKind(to_camel(name)): wanted for name, wanted in given(self).items()}


def given(model: BaseModel) -> dict[str, Any]:
    """What the caller really said, without defaults, under our own names."""
    return {name: getattr(model, name) for name in model.model_fields_set}
