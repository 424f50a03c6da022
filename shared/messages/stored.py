"""A message with its copies as they were read, and writing them back where nobody changed them
since."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import Conflict
from shared.messages.files import MOST_FILES, FileRow, file_to_row
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
from shared.model import Content
from shared.organizations import Organization
from shared.storage.tables import TRANSACTION_LIMIT, Write

MOST_COPIES_WRITTEN = 90
"""Copies that go into one transaction, the message and what else belongs to it beside them."""

MOST_COPIES_AT_FIRST = TRANSACTION_LIMIT - MOST_FILES - 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A message and its copies by number, with the ETags to write them back."""

    message: MessageRow
    copies: Mapping[int, CopyRow]
    etags: Mapping[str, str]

    @property
    def open_copies(self) -> list[int]:
        """The numbers of the copies that are neither sent nor given up, in their order."""
        return [number for number in sorted(self.copies) if not self.copies[number].step.is_final]


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


def new_copies(content: Content) -> list[CopyRow]:
    """The copies of a new message: one for all, or one for each recipient (rule S6)."""
    recipients = content.recipients
    if content.individual and recipients:
        return [CopyRow(number, one.address) for number, one in enumerate(recipients)]
    return [CopyRow(0, recipients[0].address if len(recipients) == 1 else None)]


async def create_message(
    organization: Organization,
    message: MessageRow,
    copies: Sequence[CopyRow],
    files: Sequence[FileRow] = (),
    writes: Sequence[Write] = (),
) -> None:
    """Stores a new message with its copies, followed attachments and further rows; raises
    `Conflict` where it is there already.

    Of many copies the later ones come before the message does; only with it there is a message.
    """
    for start in range(MOST_COPIES_AT_FIRST, len(copies), TRANSACTION_LIMIT):
        part = copies[start : start + TRANSACTION_LIMIT]
        rows = [copy_to_row(message.id, copy) for copy in part]
        # Where an earlier attempt with the same key wrote them, it did so in the same parts; by now
        # their sending may have begun.
        with contextlib.suppress(Conflict):
            await organization.tables.transact(TABLE, [Write("insert", row) for row in rows])
    rows = [
        message_to_row(message),
        *(copy_to_row(message.id, copy) for copy in copies[:MOST_COPIES_AT_FIRST]),
        *(file_to_row(message.id, file) for file in files),
    ]
    await organization.tables.transact(TABLE, [*(Write("insert", row) for row in rows), *writes])
