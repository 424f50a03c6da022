"""Timer triggers: one run at a time, at the instants of the schedule, in UTC as on Azure.

A run that takes longer than the interval is followed by one run at once, not by all it missed.
Timers of a minute and more leave a status in the host's account, where the real host keeps its
own, so that an occurrence missed while the host was down is made up for with `past_due` set.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.timer import TimerRequest

from local.host.functions import AppError, Function, TimerTrigger
from local.host.invocations import Invoke, forbid_result
from local.host.schedules import Schedule, read_schedule

logger = logging.getLogger("local.host")

SHORTEST_MONITORED = timedelta(minutes=1)
"""The real host does not monitor timers that come more often."""


@dataclass(frozen=True)
class Status:
    """When a timer ran last and is due next, as the real host stores it."""

    last: datetime | None
    next: datetime

    def to_dict(self, now: datetime) -> dict[str, str]:
        """The JSON that the real host stores and hands to the function."""
        last = self.last.isoformat() if self.last else "0001-01-01T00:00:00+00:00"
        return {"Last": last, "Next": self.next.isoformat(), "LastUpdated": now.isoformat()}


def read_timer(function: Function, trigger: TimerTrigger) -> Schedule:
    """The schedule of a timer trigger; raises AppError with a sentence."""
    try:
        return read_schedule(trigger.schedule)
    except ValueError as error:
        raise AppError(f"function {function.name}: {error}") from None


def is_monitored(schedule: Schedule, trigger: TimerTrigger, now: datetime) -> bool:
    """Whether the timer's status is kept."""
    first = schedule.next_after(now)
    second = schedule.next_after(first) if first else None
    return bool(trigger.use_monitor and first and second and second - first >= SHORTEST_MONITORED)


def is_past_due(stored: Status | None, schedule: Schedule, now: datetime) -> bool:
    """Whether an occurrence was missed; a schedule that was changed since has missed none."""
    if stored is None or stored.next > now:
        return False
    return stored.last is None or schedule.next_after(stored.last) == stored.next


class TimerListener:
    """Calls one function by the clock."""

    def __init__(
        self,
        function: Function,
        trigger: TimerTrigger,
        invoke: Invoke,
        storage: str | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._schedule = read_timer(function, trigger)
        self._invoke = invoke
        self._clock = clock
        self._stopping = asyncio.Event()
        monitored = is_monitored(self._schedule, trigger, clock())
        self._statuses = StatusStore(function.name, storage) if monitored and storage else None

    async def run(self) -> None:
        """Run the timer until `stop` is called."""
        now = self._clock()
        stored = await self._statuses.read() if self._statuses else None
        past_due = is_past_due(stored, self._schedule, now)
        due = self._schedule.next_after(now)
        if self._statuses and due:
            await self._statuses.write(Status(stored.last if stored else None, due), now)
        if past_due or self._trigger.run_on_startup:
            due = await self._fire(now, past_due)
        while due is not None and await self._wait_until(due):
            due = await self._fire(due, past_due=False)

    def stop(self) -> None:
        """Start no more runs; `run` ends when the one under way has ended."""
        self._stopping.set()

    async def _wait_until(self, due: datetime) -> bool:
        """True when it is due, False when the host stops before."""
        while (seconds := (due - self._clock()).total_seconds()) > 0:
            with suppress(TimeoutError):
                # In short steps: the clock may be set, and a laptop may have slept.
                await asyncio.wait_for(self._stopping.wait(), min(seconds, 30))
            if self._stopping.is_set():
                return False
        return not self._stopping.is_set()

    async def _fire(self, due: datetime, past_due: bool) -> datetime | None:
        """Run the function once; the next due instant, in the past if the run took that long."""
        started = max(due, self._clock())
        upcoming = self._schedule.next_after(started)
        status = Status(started, upcoming) if upcoming else None
        request = TimerRequest(
            past_due=past_due,
            schedule_status=status.to_dict(started) if status and self._statuses else {},
            schedule={"AdjustForDST": True},
        )
        try:
            forbid_result(await self._invoke(request))
        except Exception:
            logger.exception("Function %s failed", self._function.name)
        if status and self._statuses:
            await self._statuses.write(status, started)
        return upcoming


class StatusStore:
    """A timer's status in the host's account; where that is away, the timer runs without it."""

    def __init__(self, name: str, connection: str) -> None:
        self._path = f"timers/local/Host.Functions.{name}/status"
        self._connection = connection

    async def read(self) -> Status | None:
        """The status stored last, or None."""

        async def download(blob: Any) -> Any:
            with suppress(ResourceNotFoundError):
                return json.loads(await (await blob.download_blob()).readall())

        stored = await self._with_blob(download)
        if not stored:
            return None
        last = datetime.fromisoformat(stored["Last"])
        return Status(
            None if last.year == 1 else last,
            datetime.fromisoformat(stored["Next"]),
        )

    async def write(self, status: Status, now: datetime) -> None:
        """Store a status."""
        content = json.dumps(status.to_dict(now))

        async def upload(blob: Any) -> None:
            await blob.upload_blob(content, overwrite=True)

        await self._with_blob(upload)

    async def _with_blob(self, use: Callable[[Any], Awaitable[Any]]) -> Any:
        client_class = await asyncio.to_thread(_load_client)
        client = client_class.from_connection_string(
            self._connection, use_env_settings=False, retry_total=0, connection_timeout=5
        )
        try:
            async with client:
                with suppress(ResourceExistsError):
                    await client.create_container("azure-webjobs-hosts")
                return await use(client.get_blob_client("azure-webjobs-hosts", self._path))
        except (AzureError, OSError) as error:
            logger.warning("The status of timer %s is out of reach: %s", self._path, error)
            return None


def _load_client() -> Any:
    from azure.storage.blob.aio import BlobServiceClient

    return BlobServiceClient
