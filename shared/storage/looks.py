"""Looking at storage from outside: is it there, may we read and write it, what does its clock say?

Nothing is changed by it: what is asked to be deleted has never been there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from shared.errors import StorageUnavailable
from shared.storage.blobs import Blobs
from shared.storage.queues import Queues
from shared.storage.tables import Tables

_NOBODY = "nobody-has-this-name"
_PEEKED = 32
"""The Queue service shows so many messages at a time."""
STANDS_AFTER = timedelta(minutes=10)


class State(Enum):
    """What became of a look; all but `THERE` is something to mend."""

    THERE = "there"
    MISSING = "missing"
    REFUSED = "refused"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Look:
    """`said` is the kind and the status of what storage answered, `at` the time by its clock;
    `words` are messages at the head of a queue."""

    state: State
    said: str = ""
    at: datetime | None = None
    words: tuple[str, ...] = ()
    stands: timedelta | None = None
    """How long ago the word was sent that nobody takes; None where nothing stands."""

    def words_of(self, organization: str) -> int:
        """How many of the words are about this organization."""
        return sum(_organization_of(word) == organization for word in self.words)


async def look_at_table(tables: Tables, table: str) -> Look:
    """A table of an organization: read, and written where that changes nothing."""

    async def look(hook: Callable[[Any], None]) -> None:
        client = await tables._client(table)
        pages = client.list_entities(results_per_page=1, raw_response_hook=hook).by_page()
        async for _ in pages:
            break
        await client.delete_entity(_NOBODY, _NOBODY)

    return await _looked(look)


async def look_at_container(blobs: Blobs, container: str) -> Look:
    """A blob container: read, and written where that changes nothing."""

    async def look(hook: Callable[[Any], None]) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        client = (await blobs._open()).get_container_client(container)
        await client.get_container_properties(raw_response_hook=hook)
        try:
            await client.delete_blob(_NOBODY)
        except ResourceNotFoundError:
            return

    return await _looked(look)


async def look_at_signing(blobs: Blobs, container: str, now: datetime) -> Look:
    """Signing an address of a container, for which the identity needs a role of its own."""

    async def look(hook: Callable[[Any], None]) -> None:
        try:
            await blobs.address(container, _NOBODY, now, timedelta(minutes=1))
        except StorageUnavailable as error:
            raise error.__cause__ or error from None

    return await _looked(look)


async def look_at_queue(queues: Queues, queue: str, now: datetime) -> Look:
    """A work queue, with the words at its head; they stay there."""
    words: list[str] = []
    stands: list[timedelta] = []

    async def look(hook: Callable[[Any], None]) -> None:
        client = await queues._client(queue)
        await client.get_queue_properties(raw_response_hook=hook)
        seen = await client.peek_messages(max_messages=_PEEKED)
        words.extend(each.content for each in seen)
        old = {each.id: now - each.inserted_on for each in seen}
        old = {id_: age for id_, age in old.items() if age > STANDS_AFTER}
        if old:
            await _pause()
            again = await client.peek_messages(max_messages=_PEEKED)
            stands.extend(old[each.id] for each in again if each.id in old)

    looked = await _looked(look)
    return replace(looked, words=tuple(words), stands=max(stands, default=None))


async def _pause() -> None:
    """A word whose time has just come may have been sent long ago: what stands is still there when
    a function that runs would have taken it."""
    await asyncio.sleep(5.0)


async def _looked(look: Callable[[Callable[[Any], None]], Awaitable[None]]) -> Look:
    from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

    at: list[datetime] = []

    def hook(answer: Any) -> None:
        date = answer.http_response.headers.get("Date")
        if date:
            at.append(parsedate_to_datetime(date))

    try:
        await look(hook)
    except AzureError as error:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        said = type(error).__name__ if status is None else f"{type(error).__name__}, {status}"
        if isinstance(error, ResourceNotFoundError):
            return Look(State.MISSING, said)
        # No token comes without a status, as an authentication error.
        refused = status in (401, 403) or type(error).__name__ == "ClientAuthenticationError"
        return Look(State.REFUSED if refused else State.AWAY, said)
    return Look(State.THERE, at=at[0] if at else None)


def _organization_of(word: str) -> str | None:
    try:
        value = json.loads(word)
    except ValueError:
        return None
    return value.get("organization") if isinstance(value, dict) else None
