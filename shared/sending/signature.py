"""The signature under what a seller sends (rule S1)."""

from __future__ import annotations

from shared.model import Seller
from shared.sending.plain_text import to_html, to_text


def signature_of(seller: Seller, *, html: bool) -> str | None:
    """The seller's signature for a body of that kind, made from the other form where it must be;
    None where they have none."""
    if html:
        text = seller.signature_text
        return seller.signature or (to_html(text) if text else None)
    return seller.signature_text or to_text(seller.signature or "") or None
