"""Taking hits in: one write for many, and every hit that was answered is safe (rules T1, T4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import StorageUnavailable
from shared.organizations import Organization, Organizations
from shared.settings import OrganizationEntry
from shared.storage.tables import PROPERTY_LIMIT
from shared.tracking.hits import LONGEST_AGENT, SIGNALS, Hit, unpack
from shared.tracking.ingest import MOST_IN_MEMORY, Ingest
from shared.tracking.journal import LARGEST_FILE, Journal
from shared.tracking.segments import PARTITION, SEGMENT_BYTES
from tests.running_azurite import running_azurite
from tests.running_storage import MovableClock, overflow_away
from tests.tracking.conftest import WatchedOrganization
from tests.tracking.followed_messages import hit
from tests.tracking.watched import LosesAnswer, Request, Watched

MESSAGE = "0" * 32


class These(Organizations):
    """The organizations of a test, with the storage that they bring."""

    def __init__(self, *these: Organization) -> None:
        super().__init__({}, {})
        self._these = {organization.id: organization for organization in these}

    def get(self, organization: str) -> Organization | None:
        return self._these.get(organization)


class Hangs(Watched):
    """Storage does not answer before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def around(self, name: str, request: Request) -> Any:
        self.asked.set()
        await self.go_on.wait()
        return await super().around(name, request)


class Refuses(Watched):
    """Storage refuses everything while it is away."""

    away = True

    async def around(self, name: str, request: Request) -> Any:
        if self.away:
            raise StorageUnavailable("away")
        return await super().around(name, request)


class Taking:
    """The ingest of one process over these organizations; it tells who has new segments."""

    def __init__(
        self,
        clock: MovableClock,
        folder: Path,
        *these: Organization,
        name: str,
        most_in_memory: int = MOST_IN_MEMORY,
        largest_file: int = LARGEST_FILE,
    ) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.journal = Journal(folder, name, largest_file)
        self.ingest = Ingest(
            These(*these),
            self.journal,
            name,
            clock.ms,
            self.told.put_nowait,
            overflow_away(clock),
            most_in_memory,
        )

    async def record(self, hit: Hit, *, patience: float = 30) -> bool:
        return await self.ingest.record("contoso", hit, patience)


MakeTaking = Callable[..., Taking]


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
async def taking(clock: MovableClock, journals: Path) -> AsyncIterator[MakeTaking]:
    """`taking(contoso)` is a process that takes hits in; its own journal stays until it ends."""
    made = []

    def make(*these: Organization, name: str = "this", **limits: int) -> Taking:
        made.append(Taking(clock, journals, *these, name=name, **limits))
        return made[-1]

    yield make
    for each in made:
        each.journal.close()


def hits(clock: MovableClock, count: int) -> list[Hit]:
    return [hit(MESSAGE, clock()) for _ in range(count)]


async def segments(organization: Organization) -> list[list[Hit]]:
    return [
        list(unpack(read.row["hits"].decode().splitlines()))
        async for read in organization.tables.rows("ingest", PARTITION)
    ]


async def taken(organization: Organization) -> list[Hit]:
    return [hit for segment in await segments(organization) for hit in segment]


async def left_in(folder: Path) -> list[Hit]:
    """What a next process finds in the journals of those that ended."""
    found = await Journal(folder, "looks").adopt()
    return [hit for journal in found for _, hit in journal.hits]


async def test_hits_that_arrive_during_a_write_become_one_segment(
    taking: MakeTaking, watched: WatchedOrganization, contoso: Organization, clock: MovableClock
) -> None:
    first, *others = hits(clock, 50)
    storage = Hangs()
    process = taking(watched(storage))
    async with asyncio.TaskGroup() as recipients:
        recipients.create_task(process.record(first))
        await storage.asked.wait()
        for each in others:
            recipients.create_task(process.record(each))
        storage.go_on.set()
    assert await segments(contoso) == [[first], others]


async def test_every_organization_is_told_when_it_has_new_segments(
    taking: MakeTaking, contoso: Organization, fabrikam: Organization, clock: MovableClock
) -> None:
    process = taking(contoso, fabrikam)
    (one,) = hits(clock, 1)
    await process.ingest.record("fabrikam", one, patience=30)
    assert await process.told.get() == "fabrikam"
    assert process.told.empty()


async def test_a_lost_answer_makes_no_second_segment_and_no_error(
    taking: MakeTaking, watched: WatchedOrganization, contoso: Organization, clock: MovableClock
) -> None:
    """The insert is repeated under the same key, and a conflict says that it is there."""
    watcher = LosesAnswer(1, done=True)
    process = taking(watched(watcher))
    (one,) = hits(clock, 1)
    assert await process.record(one)
    assert watcher.requests == ["insert ingest", "insert ingest", "get ingest"]
    assert await segments(contoso) == [[one]]


async def test_storage_that_refuses_once_is_asked_again(
    taking: MakeTaking, watched: WatchedOrganization, contoso: Organization, clock: MovableClock
) -> None:
    process = taking(watched(LosesAnswer(1, done=False)))
    some = hits(clock, 3)
    assert all(await asyncio.gather(*(process.record(each) for each in some)))
    assert await taken(contoso) == some


async def test_a_hit_that_storage_does_not_take_in_time_is_on_disk_before_it_is_answered_t4(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
    journals: Path,
) -> None:
    storage = Hangs()
    process = taking(watched(storage))
    some = hits(clock, 20)
    async with asyncio.timeout(10):
        await asyncio.gather(*(process.record(each, patience=0.05) for each in some))
    assert await taken(contoso) == []
    (journal,) = journals.iterdir()
    assert all(each.id in journal.read_text() for each in some)

    storage.go_on.set()
    while len(await taken(contoso)) < len(some):
        await process.told.get()
    assert await taken(contoso) == some


async def test_the_journal_is_emptied_when_storage_is_back(
    taking: MakeTaking, watched: WatchedOrganization, clock: MovableClock, journals: Path
) -> None:
    storage = Refuses()
    process = taking(watched(storage))
    await process.record(*hits(clock, 1), patience=0.05)
    storage.away = False
    await process.told.get()
    process.journal.close()
    assert list(journals.iterdir()) == []


async def test_one_organizations_storage_being_away_keeps_no_other_waiting_a1(
    taking: MakeTaking, watched: WatchedOrganization, fabrikam: Organization, clock: MovableClock
) -> None:
    storage = Hangs()
    process = taking(watched(storage), fabrikam)
    one, other = hits(clock, 2)
    waiting = asyncio.create_task(process.record(one))
    async with asyncio.timeout(10):
        await process.ingest.record("fabrikam", other, patience=30)
    assert await taken(fabrikam) == [other]
    assert not waiting.done()
    storage.go_on.set()
    await waiting


async def test_a_hit_whose_organization_is_gone_is_not_kept_a1(
    taking: MakeTaking, contoso: Organization, clock: MovableClock, journals: Path
) -> None:
    process = taking(contoso)
    (one,) = hits(clock, 1)
    assert not await process.ingest.record("northwind", one, patience=1)
    assert await taken(contoso) == []
    assert not journals.exists()


async def test_where_neither_storage_nor_disk_takes_a_hit_it_is_said_and_tried_on(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
    journals: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    journals.write_text("a file where the folder should be")
    storage = Refuses()
    process = taking(watched(storage))
    (one,) = hits(clock, 1)
    assert not await process.record(one, patience=0.05)
    assert (process.ingest.lost, process.ingest.at_risk) == (0, 1)
    assert "0 were lost, 1 waited in memory only" in caplog.text
    storage.away = False
    await process.told.get()
    assert await taken(contoso) == [one]


async def recorded(process: Taking, some: list[Hit]) -> list[bool]:
    return await asyncio.gather(*(process.record(each, patience=0.05) for each in some))


async def test_while_nothing_answers_memory_holds_some_hits_and_the_disk_all_of_them(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
    journals: Path,
) -> None:
    """Neither the organization's storage nor the overflow; then they come to storage by and by,
    without a timer: in Azure that runs on another instance, which has another disk."""
    storage = Refuses()
    process = taking(watched(storage), most_in_memory=40, largest_file=5_000)
    some = hits(clock, 400)
    for start in range(0, 400, 100):
        assert all(await recorded(process, some[start : start + 100]))
        assert process.ingest.held == 40
    on_disk = "".join(path.read_text() for path in journals.iterdir())
    assert all(each.id in on_disk for each in some)

    storage.away = False
    most = 0
    async with asyncio.timeout(30):
        while len(set(await taken(contoso))) < 400:
            await process.told.get()
            most = max(most, process.ingest.held)
        await process.ingest.adopt_journals()
    assert set(await taken(contoso)) == set(some)
    assert process.ingest.held == 0
    assert most <= 40 + 25, "no more than memory has room for and one file"
    process.journal.close()
    assert list(journals.iterdir()) == []


async def test_hits_that_were_on_disk_only_are_found_by_the_next_process(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
) -> None:
    died = taking(watched(Refuses()), name="died", most_in_memory=10, largest_file=5_000)
    some = hits(clock, 100)
    assert all(await recorded(died, some))
    died.journal.close()
    await taking(contoso, name="next").ingest.adopt_journals()
    assert set(await taken(contoso)) == set(some)


async def test_a_long_list_of_journals_is_not_read_into_memory_at_once(
    taking: MakeTaking, watched: WatchedOrganization, clock: MovableClock
) -> None:
    died = taking(name="died", largest_file=5_000)
    for each in hits(clock, 200):
        await died.journal.append("contoso", each)
    died.journal.close()
    storage = Refuses()
    process = taking(watched(storage), name="next", most_in_memory=40)
    adopting = process.ingest.adopt_journals()
    while process.ingest.held <= 20:
        await asyncio.sleep(0)
    await asyncio.wait((adopting,), timeout=0.1)
    assert process.ingest.held <= 20 + 25
    storage.away = False
    assert await adopting == 200


async def test_hits_that_were_on_disk_only_are_safe_when_the_process_has_ended(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
    journals: Path,
) -> None:
    storage = Refuses()
    process = taking(watched(storage), most_in_memory=10)
    some = hits(clock, 60)
    assert all(await recorded(process, some))
    assert await taken(contoso) == []
    storage.away = False
    await process.told.get()
    assert await process.ingest.drain(patience=20)
    assert set(await taken(contoso)) == set(some)
    process.journal.close()
    assert list(journals.iterdir()) == []


async def test_hits_are_lost_only_where_memory_and_disk_are_full_and_they_are_counted(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
    journals: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    journals.write_text("a file where the folder should be")
    storage = Refuses()
    process = taking(watched(storage), most_in_memory=10)
    some = hits(clock, 30)
    assert not any(await recorded(process, some))
    assert (process.ingest.lost, process.ingest.at_risk) == (20, 10)
    said = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 1, "one line a second, not one a hit"
    storage.away = False
    while len(await taken(contoso)) < 10:
        await process.told.get()
    assert await taken(contoso) == some[:10]


async def test_an_error_that_nobody_foresaw_does_not_stop_the_hits_that_come_later(
    taking: MakeTaking, watched: WatchedOrganization, contoso: Organization, clock: MovableClock
) -> None:
    class FailsOnce(Watched):
        async def around(self, name: str, request: Request) -> Any:
            if not self.requests:
                self.requests.append(name)
                raise RuntimeError("nobody foresaw this")
            return await super().around(name, request)

    process = taking(watched(FailsOnce()))
    some = hits(clock, 2)
    for each in some:
        assert await process.record(each)
    assert await taken(contoso) == some


@pytest.mark.parametrize("character", ["a", "\xff", '"', "\\"])
async def test_segments_stay_below_the_limit_of_a_property_whatever_agents_say(
    taking: MakeTaking, contoso: Organization, clock: MovableClock, character: str
) -> None:
    signals = tuple((name, character * 64) for name in SIGNALS)
    some = [
        Hit(
            f"{n:032x}",
            clock.ms(),
            "open",
            MESSAGE,
            0,
            0,
            "GET",
            character * LONGEST_AGENT,
            signals,
        )
        for n in range(60)
    ]
    process = taking(contoso)
    await asyncio.gather(*(process.record(each) for each in some))
    assert await taken(contoso) == some
    sizes = [len(read.row["hits"]) async for read in contoso.tables.rows("ingest", PARTITION)]
    assert max(sizes) <= SEGMENT_BYTES < PROPERTY_LIMIT
    assert len(sizes) < len(some)


async def test_what_a_dead_process_left_is_taken_over_once(
    taking: MakeTaking, contoso: Organization, fabrikam: Organization, clock: MovableClock
) -> None:
    left = taking(name="dead").journal
    for_contoso, for_fabrikam, for_nobody = hits(clock, 3)
    await left.append("contoso", for_contoso)
    await left.append("fabrikam", for_fabrikam)
    await left.append("northwind", for_nobody)
    left.close()

    one, other = taking(contoso, fabrikam, name="one"), taking(contoso, fabrikam, name="other")
    mine, again, theirs = await asyncio.gather(
        one.ingest.adopt_journals(), one.ingest.adopt_journals(), other.ingest.adopt_journals()
    )
    assert mine == again
    assert {mine, theirs} == {0, 2}
    assert await taken(contoso) == [for_contoso]
    assert await taken(fabrikam) == [for_fabrikam]
    assert await one.ingest.adopt_journals() == 0


async def test_what_a_dead_process_left_stays_on_disk_until_storage_has_it(
    taking: MakeTaking,
    watched: WatchedOrganization,
    contoso: Organization,
    clock: MovableClock,
    journals: Path,
) -> None:
    left = taking(name="dead").journal
    (one,) = hits(clock, 1)
    await left.append("contoso", one)
    left.close()
    storage = Hangs()
    adopting = taking(watched(storage), name="next").ingest.adopt_journals()
    await asyncio.wait((adopting,), timeout=0.2)
    assert [path.name for path in journals.iterdir()] == ["dead-0.journal"]
    storage.go_on.set()
    await adopting
    assert list(journals.iterdir()) == []
    assert await taken(contoso) == [one]


@pytest.mark.processes
async def test_hits_wait_out_an_outage_of_the_real_thing(
    taking: MakeTaking, clock: MovableClock, tmp_path: Path, journals: Path
) -> None:
    with running_azurite(["contoso"], tmp_path / "azurite") as azurite:
        entry = OrganizationEntry(
            "contoso", "Contoso", azurite.tables("contoso"), "", "", (), "http://follow.example"
        )
        organizations = Organizations({"contoso": entry}, {"contoso": azurite.keys["contoso"]})
        contoso = organizations.get("contoso")
        assert contoso
        await _make_ingest_table(azurite.connection_string("contoso"))
        process = taking(contoso)
        before, during = hits(clock, 2)
        assert await process.record(before)
        await process.told.get()

        azurite.stop()
        async with asyncio.timeout(10):
            assert await process.record(during, patience=0.1)
        (journal,) = journals.iterdir()
        assert during.id in journal.read_text()

        azurite.start()
        async with asyncio.timeout(30):
            await process.told.get()
        assert await taken(contoso) == [before, during]
        await organizations.close()


async def _make_ingest_table(connection_string: str) -> None:
    from azure.data.tables.aio import TableServiceClient

    async with TableServiceClient.from_connection_string(connection_string) as service:
        await service.create_table("ingest")
