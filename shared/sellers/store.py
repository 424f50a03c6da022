"""What a seller decided, one row each; whoever decided nothing yet has the defaults."""

from __future__ import annotations

import json

from shared.model import CardKind, Seller
from shared.organizations import Organization
from shared.storage.tables import Row, key_text

TABLE = "sellers"
PARTITION = "sellers"


async def load_seller(organization: Organization, address: str) -> Seller:
    """The seller with that address, in any spelling."""
    address = address.lower()
    read = await organization.tables.get(TABLE, PARTITION, key_text(address))
    return _from_row(address, read.row) if read else Seller(address)


async def store_seller(organization: Organization, seller: Seller) -> None:
    """Writes a seller whole."""
    await organization.tables.upsert(TABLE, _to_row(seller))


def _to_row(seller: Seller) -> Row:
    row: Row = {
        "PartitionKey": PARTITION,
        "RowKey": key_text(seller.address),
        "schema": 1,
        "name": seller.name,
        "language": seller.language,
        "timeZone": seller.time_zone,
        # As bytes, of which a property holds twice as many as it holds characters.
        "signature": seller.signature and seller.signature.encode(),
        "signatureText": seller.signature_text and seller.signature_text.encode(),
        "cards": json.dumps(seller.cards) if seller.cards else None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _from_row(address: str, row: Row) -> Seller:
    return Seller(
        address=address,
        name=row.get("name"),
        language=row.get("language"),
        time_zone=row.get("timeZone"),
        signature=_text(row.get("signature")),
        signature_text=_text(row.get("signatureText")),
        cards={CardKind(kind): on for kind, on in json.loads(row.get("cards", "{}")).items()},
    )


def _text(value: bytes | None) -> str | None:
    return value.decode() if value else None
