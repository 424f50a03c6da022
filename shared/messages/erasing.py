"""Erasing a message with everything there is of it: rows, places in lists, blobs.

What stays is a mark without any content. It says to hits that come later, and to the idempotency
key, that there was a message; the same request again makes no second one. A row of a file that is
still to leave OneDrive stays until it has: nobody else knows where the file is.
"""

from __future__ import annotations

import json
from datetime import datetime

from shared.messages.content import delete_blobs
from shared.messages.feeds import feeds_of, position, unlist
from shared.messages.files import file_key, leaving_files
from shared.messages.rows import ERASED, MESSAGE_KEY, TABLE, filled_row, text_or_none
from shared.messages.stored import Stored
from shared.organizations import Organization

_LISTS = "lists"
_POSITION = "position"


async def mark_erased(organization: Organization, stored: Stored, now: datetime) -> None:
    """From here on the message is gone for everybody; raises `Changed` where it is not as it was
    read. `finish_erasing` deletes the rest."""
    message = stored.message
    mark = filled_row(
        message.id,
        MESSAGE_KEY,
        **{
            ERASED: text_or_none(now),
            _LISTS: json.dumps(feeds_of(message)),
            _POSITION: position(message),
        },
    )
    await organization.tables.replace(TABLE, mark, stored.etags[MESSAGE_KEY])


async def finish_erasing(organization: Organization, message: str) -> bool:
    """Deletes what is left of a message that was marked, if it was; may be done twice."""
    read = await organization.tables.get(TABLE, message, MESSAGE_KEY)
    if read is None or ERASED not in read.row:
        return False
    if _LISTS in read.row:
        await unlist(organization, json.loads(read.row[_LISTS]), read.row[_POSITION])
        await delete_blobs(organization, message)
        leaving = {file_key(number) for number in await leaving_files(organization, message)}
        rows = [one.row["RowKey"] async for one in organization.tables.rows(TABLE, message)]
        rows = [key for key in rows if key not in {MESSAGE_KEY, *leaving}]
        await organization.tables.delete_all(TABLE, message, rows)
        mark = filled_row(message, MESSAGE_KEY, **{ERASED: read.row[ERASED]})
        await organization.tables.upsert(TABLE, mark)
    return True
