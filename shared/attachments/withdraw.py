"""Taking a followed file back: its link is dead at once, then OneDrive forgets it, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from shared.errors import Changed, Refusal
from shared.messages.files import Place, StoredFile, file_to_row, read_file
from shared.messages.rows import event_to_row
from shared.messages.stored import Stored, read_message, write_message
from shared.messages.todo import drain, with_todo
from shared.model import Event, EventKind, Status
from shared.organizations import Organization
from shared.sending.due import WATCH, put_due, remove_due
from shared.storage.tables import Write


async def withdraw(
    organization: Organization,
    message: str,
    number: int,
    *,
    now: datetime,
    new_id: Callable[[], str],
    upload: Callable[[str, int], Awaitable[None]],
) -> None:
    """Withdraws a file of a message that was sent; once more changes nothing.

    Raises `Refusal`: 404 where the message has no such followed file, 409 before it is sent.
    """
    while True:
        stored = await read_message(organization, message)
        found = await read_file(organization, message, number)
        if stored is None or found is None:
            raise Refusal(404, "The message has no such followed attachment.")
        if stored.message.status is not Status.SENT:
            raise Refusal(409, "An attachment can be taken back once its message is sent.")
        watched = now + WATCH
        if found.file.withdrawn_at is None:
            # Should we die before the word is said, the timer comes by and says it.
            await put_due(organization, message, watched)
            event = Event(
                id=new_id(),
                kind=EventKind.WITHDRAWN,
                at=now,
                copy=0,
                automated=False,
                attachment=number,
            )
            try:
                await _write(organization, stored, found, event)
            except Changed:
                # A fold came in between, or somebody else took it back.
                continue
        await upload(message, number)
        await remove_due(organization, message, watched)
        return


async def _write(
    organization: Organization, stored: Stored, found: StoredFile, event: Event
) -> None:
    message, todo = with_todo(stored.message, [event.id])
    file = replace(found.file, withdrawn_at=event.at, place=Place.LEAVING, lease_until=None)
    writes = [
        Write("replace", file_to_row(message.id, file), found.etag),
        Write("insert", event_to_row(message.id, event)),
        todo,
    ]
    await write_message(organization, stored, message, writes=writes)
    await drain(organization, message, [todo.row["RowKey"]])
