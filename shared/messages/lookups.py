"""Which email of ours a Message-ID or a conversation stands for, and which addresses bounced: rows
by hash, so that none spells out an address.

A mail that was sent is written down here before it is sent, so that no answer can come before it is
known; rows of mails that were never sent lead to messages that nobody answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.errors import Changed
from shared.messages.rows import CopyRow, filled_row, text_or_none
from shared.organizations import Organization

TABLE = "lookups"
_MAIL, _CONVERSATION, _BOUNCED = "mail", "conversation", "bounced"
_ONLY = "only"
MOST_IN_CONVERSATION = 100
_LOOK_UPS_AT_ONCE = 16

Known = tuple[str, int]
"""An email of ours: the message's id and the copy's number."""


async def note_mail(organization: Organization, message: str, copy: CopyRow) -> None:
    """Writes down what Graph calls a copy; may be done twice."""
    rows = []
    known = {"message": message, "copy": copy.number}
    if copy.internet_message_id:
        partition = _partition(_MAIL, copy.internet_message_id)
        rows.append(filled_row(partition, _ONLY, **known))
    if copy.conversation_id:
        partition = _partition(_CONVERSATION, copy.conversation_id)
        rows.append(filled_row(partition, f"{message}~{copy.number:04d}", **known))
    await asyncio.gather(*(organization.tables.upsert(TABLE, row) for row in rows))


async def mail_known_as(organization: Organization, internet_message_id: str) -> Known | None:
    """The email of ours with that Message-ID (in its angle brackets)."""
    read = await organization.tables.get(TABLE, _partition(_MAIL, internet_message_id), _ONLY)
    return (read.row["message"], read.row["copy"]) if read else None


async def mails_in_conversation(organization: Organization, conversation: str) -> list[Known]:
    """The emails of ours in a conversation of Exchange, in no order, at most
    `MOST_IN_CONVERSATION`."""
    reads = await organization.tables.page(
        TABLE, _partition(_CONVERSATION, conversation), limit=MOST_IN_CONVERSATION
    )
    return [(read.row["message"], read.row["copy"]) for read in reads]


async def note_bounced(organization: Organization, addresses: Iterable[str], at: datetime) -> None:
    """Remembers that nothing reaches these addresses."""
    rows = [
        filled_row(_partition(_BOUNCED, address.lower()), _ONLY, at=text_or_none(at))
        for address in addresses
    ]
    await asyncio.gather(*(organization.tables.upsert(TABLE, row) for row in rows))


async def note_reached(organization: Organization, address: str, at: datetime) -> None:
    """Whoever writes from an address after its bounce is reached there."""
    partition = _partition(_BOUNCED, address.lower())
    bounced = await organization.tables.get(TABLE, partition, _ONLY)
    if bounced is not None and datetime.fromisoformat(bounced.row["at"]) < at:
        with contextlib.suppress(Changed):  # another bounce, just now
            await organization.tables.delete(TABLE, partition, _ONLY, bounced.etag)


async def bounced_among(organization: Organization, addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of the addresses that a hard bounce named and that did not write since, each once."""
    each = list(dict.fromkeys(address.lower() for address in addresses))
    places = asyncio.Semaphore(_LOOK_UPS_AT_ONCE)

    async def bounced(address: str) -> bool:
        async with places:
            key = _partition(_BOUNCED, address)
            return await organization.tables.get(TABLE, key, _ONLY) is not None

    found = await asyncio.gather(*(bounced(address) for address in each))
    return tuple(address for address, is_one in zip(each, found, strict=True) if is_one)


def _partition(kind: str, text: str) -> str:
    return f"{kind}~{hashlib.sha256(text.encode()).hexdigest()}"
