"""The followed files of a message while it is being sent: all must be in OneDrive first, their
links live from then on, and those of a message that is not sent, or not followed, leave again."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

from shared.attachments.onedrive import file_failure, link
from shared.attachments.staging import delete_files
from shared.errors import Changed, StorageUnavailable
from shared.graph.errors import NotFound
from shared.messages.files import Place, StoredFile, leaving_files, read_files, write_file
from shared.messages.rows import MessageRow
from shared.model import Content, Failure, Status
from shared.organizations import Organization
from shared.sending.attempt import GIVE_UP, Attempt, Failed, Postponed, Workshop


async def files_are_on_their_way(workshop: Workshop, message: MessageRow) -> bool:
    """Whether followed files still have to come to OneDrive; sees to it that somebody brings
    them."""
    now = workshop.clock()
    if not (message.attachments and message.followed) or now - message.tried_since > GIVE_UP:
        return False
    files = await read_files(workshop.organization, message.id)
    waiting = [stored.file for stored in files if stored.file.place is Place.WAITING]
    for file in waiting:
        if file.lease_until is None or file.lease_until <= now:
            await workshop.upload(message.id, file.number)
    return bool(waiting)


async def link_files(attempt: Attempt, content: Content) -> None:
    """The links of the followed files, which live from now on; all files are in OneDrive, but those
    that were taken back."""
    if not attempt.message.attachments:
        return
    settings = await attempt.organization.settings()
    life = timedelta(days=settings.file_link_days)
    followed = {one.number for one in content.attachments if one.follow}
    for stored in await read_files(attempt.organization, attempt.message.id):
        # Some were taken out of the message before it was sent, some taken back since.
        if stored.file.number not in followed or stored.file.withdrawn_at is not None:
            continue
        if stored.file.place is not Place.STORED:
            raise Failed(stored.file.failure or Failure("graphUnavailable"))
        await attempt.hold()
        await _link(attempt, stored, life)


async def _link(attempt: Attempt, stored: StoredFile, life: timedelta) -> None:
    """The link of one file; where somebody deleted the file meanwhile, it is brought again."""
    workshop, message = attempt.workshop, attempt.message
    made = link(attempt.organization, workshop.drive, message.id, stored, attempt.now, life)
    try:
        await attempt.ask(made)
    except Failed as failed:
        if not isinstance(failed.__cause__, NotFound):
            # What Graph refused was the drive's, not the mailbox's.
            raise Failed(file_failure(failed.__cause__, message, stored.file)) from failed
        waiting = replace(stored.file, place=Place.WAITING, item_id=None)
        with contextlib.suppress(Changed):
            await write_file(attempt.organization, message.id, stored, waiting)
            await workshop.upload(message.id, stored.file.number)
        raise Postponed(1) from None


async def release_files(attempt: Attempt) -> None:
    """Followed files of a message that is not followed any more, or not sent, leave OneDrive
    (rule F4)."""
    if not attempt.message.attachments:
        return None
    for stored in await read_files(attempt.organization, attempt.message.id):
        if stored.file.place in (Place.WAITING, Place.STORED):
            # Whoever is bringing it right now keeps the lease, and is waited for.
            leaving = replace(stored.file, place=Place.LEAVING)
            try:
                await write_file(attempt.organization, attempt.message.id, stored, leaving)
            except Changed:
                return await release_files(attempt)
        if stored.file.place not in (Place.GONE, Place.REFUSED):
            await attempt.workshop.upload(attempt.message.id, stored.file.number)
    return None


async def say_which_leave(workshop: Workshop, message: str) -> None:
    """The words about files that were taken back and are still there."""
    for number in await leaving_files(workshop.organization, message):
        await workshop.upload(message, number)


async def forget_staged(organization: Organization, message: MessageRow) -> None:
    """Deletes what was staged of the files of a message that is sent, or never will be: nobody
    needs it again."""
    if message.status in (Status.SENT, Status.CANCELLED) and message.attachments:
        with contextlib.suppress(StorageUnavailable):
            await delete_files(organization, message.id, range(1, message.attachments + 1))
