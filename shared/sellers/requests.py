"""What a seller may decide."""

from __future__ import annotations

from typing import Any, Literal

from shared.errors import Problem, Refusal
from shared.model import Seller
from shared.storage.tables import PROPERTY_LIMIT
from shared.web.fields import CardChoices, MailAddress, Name, RequestModel, TimeZoneName

LARGEST_SIGNATURE = 64 * 1024
"""Bytes of UTF-8 in a signature, in either of its forms: what one property of a row holds."""
assert LARGEST_SIGNATURE <= PROPERTY_LIMIT


class AddressInPath(RequestModel):
    address: MailAddress


class SellerRequest(RequestModel):
    """What a seller decided, whole: what is left out is empty."""

    name: Name | None = None
    language: Literal["en", "pt-BR", "es"] | None = None
    time_zone: TimeZoneName | None = None
    signature: str | None = None
    signature_text: str | None = None
    cards: CardChoices = CardChoices()

    def to_seller(self, address: str) -> Seller:
        return Seller(
            address=address,
            name=self.name,
            language=self.language,
            time_zone=self.time_zone,
            signature=_filled(self.signature),
            signature_text=_filled(self.signature_text),
            cards=self.cards.chosen(),
        )


def _filled(text: str | None) -> str | None:
    return text if text and text.strip() else None


def refuse_too_large(value: dict[str, Any]) -> None:
    """413 where a signature is over its limit; said before anything else is looked at."""
    for name in ("signature", "signatureText"):
        text = value.get(name)
        if isinstance(text, str) and len(text.encode("utf-8", "surrogatepass")) > LARGEST_SIGNATURE:
            raise Refusal(
                413,
                f"{name} is larger than 64 KB ({LARGEST_SIGNATURE:,} bytes). "
                "Link to large images instead of carrying them inside.",
                (Problem(f"/{name}", "Larger than 64 KB."),),
            )
