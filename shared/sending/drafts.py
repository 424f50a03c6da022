"""Deleting a draft (rule S1)."""

from __future__ import annotations

from datetime import datetime

from shared.errors import Changed, Refusal
from shared.messages.erasing import finish_erasing, mark_erased
from shared.messages.files import leaving_files
from shared.messages.stored import read_message
from shared.model import Status
from shared.organizations import Organization
from shared.sending.due import put_look, remove_look


async def delete_draft(organization: Organization, message: str, now: datetime) -> None:
    """Deletes a draft, with everything of it; `Refusal` 409 for any other message, 404 where there
    is none.

    Files that are still leaving OneDrive since it became a draft go on doing so.
    """
    while True:
        stored = await read_message(organization, message)
        if stored is None:
            raise Refusal(404, "There is no such message.")
        if stored.message.status is not Status.DRAFT:
            raise Refusal(409, "Only a draft can be deleted.", code="notADraft")
        version = stored.message.version + 1
        await put_look(organization, message, version, now)
        try:
            await mark_erased(organization, stored, now)
        except Changed:
            continue
        await finish_erasing(organization, message)
        if not await leaving_files(organization, message):
            await remove_look(organization, message, version, now)
        return
