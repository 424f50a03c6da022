"""Queue triggers: read, call, delete; retry; and at last the `-poison` queue.

Two things differ from the real host, for the sake of one machine. It polls more often (a message
waits a second at most). And a message is hidden for 30 s at a time, renewed while its function
runs, instead of 10 minutes: what a killed host had taken is tried again half a minute later.
"""

import asyncio
import base64
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.functions.queue import QueueMessage

from local.host.functions import Function, QueueSettings, QueueTrigger
from local.host.invocations import Invoke, forbid_result

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage as StoredMessage
    from azure.storage.queue.aio import QueueClient

logger = logging.getLogger("local.host")

HIDDEN_SECONDS = 30
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds between two polls of an empty queue: it doubles from the first to the longest."""


class QueueListener:
    """Feeds one function from its queue."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        invoke: Invoke,
        settings: QueueSettings,
        hidden_seconds: int = HIDDEN_SECONDS,
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._invoke = invoke
        self._settings = settings
        self._hidden_seconds = hidden_seconds
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._is_away = False
        self._queue: QueueClient
        self._poison: QueueClient

    async def run(self) -> None:
        """Listen until `stop` is called; never raises because of the storage."""
        client_class = await asyncio.to_thread(_load_client)
        options: Mapping[str, Any] = {
            # The transport would read the environment anew at each request.
            "use_env_settings": False,
            # Trying again is this loop's work; a hanging storage must not hold it for minutes.
            "retry_total": 0,
            "connection_timeout": 5,
            "read_timeout": 10,
        }
        name, connection = self._trigger.queue, self._trigger.connection
        async with (
            client_class.from_connection_string(connection, name, **options) as self._queue,
            client_class.from_connection_string(
                connection, f"{name}-poison", **options
            ) as self._poison,
        ):
            await self._listen()
            if self._running:
                await asyncio.wait(self._running)

    def stop(self) -> None:
        """Take no more messages; `run` ends when the functions under way have ended."""
        self._stopping.set()

    async def _listen(self) -> None:
        pause = 0.0
        is_made = False
        while not self._stopping.is_set():
            try:
                if not is_made:
                    await self._make_queues()
                    is_made = True
                messages = await self._receive()
            except ResourceNotFoundError:
                is_made, messages = False, []
            except (AzureError, OSError) as error:
                self._say_away(error)
                messages = []
            else:
                self._say_back()
            for message in messages:
                self._start(message)
            longest = min(LONGEST_PAUSE, self._settings.max_polling_interval)
            pause = 0 if messages else min(max(pause * 2, FIRST_PAUSE), longest)
            await self._rest(pause)

    async def _rest(self, pause: float) -> None:
        if pause:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
        while len(self._running) > self._settings.new_batch_threshold:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _make_queues(self) -> None:
        for queue in (self._queue, self._poison):
            with suppress(ResourceExistsError):
                await queue.create_queue()

    async def _receive(self) -> list["StoredMessage"]:
        size = self._settings.batch_size
        pages = self._queue.receive_messages(
            messages_per_page=size, visibility_timeout=self._hidden_seconds
        ).by_page()
        async for page in pages:
            return [message async for message in page]
        return []

    def _start(self, message: "StoredMessage") -> None:
        task = asyncio.create_task(self._handle(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, message: "StoredMessage") -> None:
        try:
            if (message.dequeue_count or 1) > self._settings.max_dequeue_count:
                # Its last attempt never came to an end: the host was killed in it.
                await self._give_up(message)
            elif await self._call(message):
                await self._queue.delete_message(message)
            elif (message.dequeue_count or 1) >= self._settings.max_dequeue_count:
                await self._give_up(message)
            else:
                await self._queue.update_message(
                    message, visibility_timeout=int(self._settings.visibility_timeout)
                )
        except (AzureError, OSError) as error:
            # It comes back when its time is over: the queue promises "at least once" and no more.
            self._say_lost(message, error)

    async def _call(self, message: "StoredMessage") -> bool:
        done = asyncio.Event()
        renewal = asyncio.create_task(self._keep_hidden(message, done))
        try:
            body = read_body(message.content, self._settings.base64)
            forbid_result(await self._invoke(write_argument(self._function, message, body)))
        except Exception:
            logger.exception(
                "Function %s failed, attempt %s of %s of message %s",
                self._function.name,
                message.dequeue_count,
                self._settings.max_dequeue_count,
                message.id,
            )
            return False
        finally:
            # A renewal under way is waited for: it gives the message a new pop receipt.
            done.set()
            await renewal
        return True

    async def _keep_hidden(self, message: "StoredMessage", done: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self._hidden_seconds / 3)
            if done.is_set():
                return
            try:
                renewed = await self._queue.update_message(
                    message, visibility_timeout=self._hidden_seconds
                )
                message.pop_receipt = renewed.pop_receipt
            except (AzureError, OSError) as error:
                self._say_lost(message, error)

    async def _give_up(self, message: "StoredMessage") -> None:
        await self._poison.send_message(message.content)
        await self._queue.delete_message(message)
        logger.error("Message %s moved to %s-poison", message.id, self._trigger.queue)

    def _say_lost(self, message: "StoredMessage", error: Exception) -> None:
        if isinstance(error, HttpResponseError) and (error.status_code or 500) < 500:
            # It is deleted, or another host has taken it after its time was over.
            logger.warning("Queue %s: message %s is gone", self._trigger.queue, message.id)
        else:
            self._say_away(error)

    def _say_away(self, error: Exception) -> None:
        if not self._is_away:
            self._is_away = True
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            logger.warning("Queue %s is away, trying again: %s", self._trigger.queue, reason)

    def _say_back(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.warning("Queue %s is back", self._trigger.queue)


def _load_client() -> "type[QueueClient]":
    # 0.2 s of imports, in a thread: requests are answered meanwhile.
    from azure.storage.queue.aio import QueueClient

    return QueueClient


def read_body(content: str, is_base64: bool) -> str:
    """The message's text; raises ValueError where host.json promises base64 and it is none."""
    return base64.b64decode(content, validate=True).decode() if is_base64 else content


def write_argument(function: Function, message: "StoredMessage", body: str) -> Any:
    """What the function gets: a QueueMessage, or the text where it asks for `str` or `bytes`."""
    if function.annotation is str:
        return body
    if function.annotation is bytes:
        return body.encode()
    return QueueMessage(
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count,
        expiration_time=message.expires_on,
        insertion_time=message.inserted_on,
        time_next_visible=message.next_visible_on,
        pop_receipt=message.pop_receipt,
    )
