"""The keys of an organization: its CRM calls with them, each with scopes of its own.

A key reads `<name>-<organization>` or `<name>-<organization>-<secret>`: it names the organization
it belongs to, so that it is looked up in that organization's table only. Only its SHA-256 is
stored: a key is 256 bits of chance, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.organizations import Organization
from shared.storage.tables import Row

TABLE = "keys"
SCOPES = ("send", "read", "admin")
_PARTITION = "key"
REMEMBERED_S = 30.0
"""How long a key that was found is trusted without asking again: a withdrawn key works no
longer."""
MOST_KEYS = 100
"""An organization needs a few; all of them are shown at once."""
_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored: a name for people, what it may do, and the start of its hash as id."""

    id: str
    name: str
    scopes: frozenset[str]
    made_at: datetime


def new_key(organization: str) -> str:
    """A fresh key; shown once, to whoever asked for it."""
    return f"key-{organization}-{secrets.token_urlsafe(32)}"


def organization_named_by(key: str) -> str:
    """The organization a key says it belongs to; empty where it does not read like a key."""
    parts = key.split("-", 2)
    return parts[1] if len(parts) > 1 else ""


async def store_key(
    organization: Organization, key: str, name: str, scopes: frozenset[str], now: datetime
) -> Key:
    digest = _digest(key)
    await organization.tables.upsert(
        TABLE,
        {
            "PartitionKey": _PARTITION,
            "RowKey": digest,
            "schema": 1,
            "name": name,
            "scopes": json.dumps(sorted(scopes)),
            "madeAt": now.isoformat(),
        },
    )
    return Key(digest[:_ID_LENGTH], name, scopes, now)


async def keys_of(organization: Organization) -> list[Key]:
    """The organization's keys, the newest first; also those by which several requests at once
    passed the limit."""
    found = await organization.tables.page(TABLE, _PARTITION, limit=2 * MOST_KEYS)
    return sorted((_key(read.row) for read in found), key=lambda key: key.made_at, reverse=True)


def is_id(text: str) -> bool:
    """Whether a key may have this id."""
    return re.fullmatch(f"[0-9a-f]{{{_ID_LENGTH}}}", text) is not None


async def withdraw_key(organization: Organization, id_: str) -> None:
    """Takes a key back for good; one that is gone already is fine."""
    found = await organization.tables.page(
        TABLE, _PARTITION, after=id_, below=f"{id_}~", limit=MOST_KEYS
    )
    for read in found:
        await organization.tables.delete(TABLE, _PARTITION, read.row["RowKey"])


class Keyring:
    """Looks keys up, and remembers what it found for a short while."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._found: dict[tuple[str, str], tuple[float, Key]] = {}

    async def find(self, organization: Organization, key: str) -> Key | None:
        """The key, where it is one of that organization's."""
        digest = _digest(key)
        remembered = self._found.get((organization.id, digest))
        if remembered is not None and self._monotonic() < remembered[0]:
            return remembered[1]
        self._found.pop((organization.id, digest), None)
        read = await organization.tables.get(TABLE, _PARTITION, digest)
        if read is None:
            return None
        found = _key(read.row)
        self._found[organization.id, digest] = (self._monotonic() + REMEMBERED_S, found)
        return found


def _key(row: Row) -> Key:
    made_at = datetime.fromisoformat(row["madeAt"])
    return Key(
        row["RowKey"][:_ID_LENGTH], row["name"], frozenset(json.loads(row["scopes"])), made_at
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
