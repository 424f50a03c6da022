"""Records and their addresses. Both live in one partition, so that they change together.

record~{type}~{id}             the record
address~{address}~{type}~{id}  one row for each of its addresses, to find it by
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.errors import Changed, Conflict
from shared.model import Record, RecordRef
from shared.organizations import Organization
from shared.storage.tables import Row, Write, key_text

TABLE = "records"
PARTITION = "records"


async def load_record(organization: Organization, ref: RecordRef) -> Record | None:
    read = await organization.tables.get(TABLE, PARTITION, _key(ref))
    return _from_row(read.row) if read else None


async def store_record(organization: Organization, record: Record) -> None:
    """Writes a record whole; its address rows follow in the same transaction."""
    while True:
        read = await organization.tables.get(TABLE, PARTITION, _key(record.ref))
        before = _from_row(read.row).addresses if read else ()
        writes = [
            Write("replace", _to_row(record), read.etag)
            if read
            else Write("insert", _to_row(record))
        ]
        writes += [
            Write("upsert", _address_row(address, record.ref))
            for address in sorted(set(record.addresses))
        ]
        gone = sorted(set(before) - set(record.addresses))
        writes += [Write("delete", _address_row(address, record.ref)) for address in gone]
        try:
            await organization.tables.transact(TABLE, writes)
        except (Changed, Conflict):
            continue
        return


async def records_with_address(organization: Organization, address: str) -> Sequence[Record]:
    """The stored records that have an address (several may: a lead that became a contact)."""
    prefix = f"address~{key_text(address.lower())}~"
    found = []
    async for read in organization.tables.rows(
        TABLE, PARTITION, after=prefix, below=prefix + "~", a_time=100
    ):
        record = await load_record(organization, RecordRef(read.row["type"], read.row["id"]))
        if record is not None:
            found.append(record)
    return found


def _key(ref: RecordRef) -> str:
    return f"record~{key_text(ref.type)}~{key_text(ref.id)}"


def _address_row(address: str, ref: RecordRef) -> Row:
    return {
        "PartitionKey": PARTITION,
        "RowKey": f"address~{key_text(address)}~{key_text(ref.type)}~{key_text(ref.id)}",
        "schema": 1,
        "type": ref.type,
        "id": ref.id,
    }


def _to_row(record: Record) -> Row:
    row: dict[str, Any] = {
        "PartitionKey": PARTITION,
        "RowKey": _key(record.ref),
        "schema": 1,
        "type": record.ref.type,
        "id": record.ref.id,
        "name": record.name,
        "addresses": json.dumps(record.addresses),
        "phone": record.phone,
        "address": json.dumps(dict(record.address)) if record.address else None,
        "timeZone": record.time_zone,
        "followEmail": record.follow_email,
    }
    return {name: value for name, value in row.items() if value is not None}


def _from_row(row: Row) -> Record:
    return Record(
        ref=RecordRef(row["type"], row["id"]),
        name=row.get("name"),
        addresses=tuple(json.loads(row["addresses"])),
        phone=row.get("phone"),
        address=json.loads(row["address"]) if row.get("address") else None,
        time_zone=row.get("timeZone"),
        follow_email=row["followEmail"],
    )
