"""A message with its copies as they were read, and writing them back where nobody changed them
since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.messages.files import FileRow, file_to_row
from shared.messages.rows import (
    MESSAGE_ID,
    MESSAGE_KEY,
    TABLE,
    CopyRow,
    MessageRow,
    copy_from_row,
    copy_to_row,
    is_erased,
    message_from_row,
    message_to_row,
)
from shared.organizations import Organization
from shared.storage.tables import Write


@dataclass(frozen=True, slots=True)
class Stored:
    """A message and its copies by number, with the ETags to write them back."""

    message: MessageRow
    copies: Mapping[int, CopyRow]
    etags: Mapping[str, str]


async def read_message(organization: Organization, message: str) -> Stored | None:
    """The message with all its copies, or None where there is none or it was erased."""
    if not MESSAGE_ID.fullmatch(message):
        return None
    # The message first: every write of a copy is a write of the message too, so that copies which
    # are newer than the message read before them are caught by its ETag. Those that a writer only
    # counts and does not write would not be caught by their own.
    read = await organization.tables.get(TABLE, message, MESSAGE_KEY)
    if read is None or is_erased(read.row):
        return None
    copies = await organization.tables.page(
        TABLE, message, after="copy~", below="copy~~", limit=1000
    )
    rows = [copy_from_row(copy.row) for copy in copies]
    return Stored(
        message_from_row(read.row),
        {row.number: row for row in rows},
        {copy.row["RowKey"]: copy.etag for copy in copies} | {MESSAGE_KEY: read.etag},
    )


async def write_message(
    organization: Organization,
    stored: Stored,
    message: MessageRow,
    copies: Iterable[CopyRow] = (),
    writes: Sequence[Write] = (),
) -> Stored:
    """Writes the message, changed copies and further rows of its partition in one transaction.

    Raises `Changed` where the message or a copy is not as it was read, `Conflict` where a row to
    insert is there already. Returns what is stored now.
    """
    copies = list(copies)
    rows = [message_to_row(message)] + [copy_to_row(message.id, copy) for copy in copies]
    ours = [Write("replace", row, stored.etags[row["RowKey"]]) for row in rows]
    etags = await organization.tables.transact(TABLE, [*ours, *writes])
    new = {write.row["RowKey"]: etag for write, etag in zip(ours, etags, strict=False) if etag}
    return Stored(
        message,
        {**stored.copies, **{copy.number: copy for copy in copies}},
        {**stored.etags, **new},
    )


async def create_message(
    organization: Organization,
    message: MessageRow,
    copies: Sequence[CopyRow],
    files: Sequence[FileRow] = (),
) -> None:
    """Stores a new message with its copies and followed attachments; raises `Conflict` where it is
    there already."""
    rows = [
        message_to_row(message),
        *(copy_to_row(message.id, copy) for copy in copies),
        *(file_to_row(message.id, file) for file in files),
    ]
    await organization.tables.transact(TABLE, [Write("insert", row) for row in rows])
