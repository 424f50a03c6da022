"""The local journal: what was answered for is on disk, and reaches storage once (architecture)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.tracking.hits import Hit
from shared.tracking.journal import Journal
from tests.tracking.followed_messages import hit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def hits(count: int) -> list[Hit]:
    return [hit("0" * 32, NOON, id=f"{number:032x}") for number in range(count)]


async def adopted(folder: Path, instance: str = "next") -> list[tuple[str, Hit]]:
    """What the next process finds, and is done with."""
    found = []
    for journal in await Journal(folder, instance).adopt():
        found += journal.hits
        journal.remove()
    return found


async def test_the_next_process_finds_what_the_last_one_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "last")
    first, second = hits(2)
    await journal.append("contoso", first)
    await journal.append("fabrikam", second)
    journal.close()
    assert await adopted(tmp_path) == [("contoso", first), ("fabrikam", second)]
    assert list(tmp_path.iterdir()) == []
    assert await adopted(tmp_path) == []


async def test_many_hits_at_once_are_all_on_disk_when_they_are_answered(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "last")
    many = hits(200)
    await asyncio.gather(*(journal.append("contoso", each) for each in many))
    journal.close()
    assert [each for _, each in await adopted(tmp_path)] == many


async def test_the_journal_of_a_process_that_lives_is_not_touched(tmp_path: Path) -> None:
    living = Journal(tmp_path, "living")
    one, other = hits(2)
    await living.append("contoso", one)
    assert await adopted(tmp_path) == []
    await living.append("contoso", other)
    living.close()
    assert await adopted(tmp_path) == [("contoso", one), ("contoso", other)]


async def test_two_processes_that_start_together_do_not_both_take_a_journal(
    tmp_path: Path,
) -> None:
    left = Journal(tmp_path, "last")
    await left.append("contoso", *hits(1))
    left.close()
    one, other = Journal(tmp_path, "one"), Journal(tmp_path, "other")
    (mine,) = await one.adopt()
    assert await other.adopt() == []
    mine.remove()
    assert await other.adopt() == []


async def test_hits_that_reached_storage_are_not_left_to_the_next_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "last")
    gone, stays = hits(2)
    await journal.append("contoso", gone)
    journal.forget([gone])
    await journal.append("contoso", stays)
    journal.close()
    assert await adopted(tmp_path) == [("contoso", stays)]


async def test_nothing_is_left_of_a_journal_whose_hits_all_reached_storage(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "last")
    some = hits(3)
    for each in some:
        await journal.append("contoso", each)
    journal.forget(some)
    journal.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_hit_that_reaches_storage_while_it_is_written_down_is_not_left(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, "last")
    (one,) = hits(1)
    writing = asyncio.create_task(journal.append("contoso", one))
    await asyncio.sleep(0)
    journal.forget([one])
    await writing
    journal.close()
    assert await adopted(tmp_path) == []


async def test_a_file_that_has_grown_is_followed_by_another_and_goes_with_its_hits(
    tmp_path: Path,
) -> None:
    """Under a load in which some hit always waits, the files do not grow without end."""
    line = await _bytes_of_a_line(tmp_path / "one")
    journal = Journal(tmp_path, "busy", largest=5 * line)
    waiting: list[Hit] = []
    for each in hits(200):
        await journal.append("contoso", each)
        waiting.append(each)
        if len(waiting) > 7:
            journal.forget([waiting.pop(0)])
        files = _files(tmp_path)
        assert len(files) <= 3
        assert all(path.stat().st_size <= 5 * line for path in files)
    journal.close()
    left = await adopted(tmp_path)
    assert {each.id for each in waiting} <= {each.id for _, each in left}
    assert len(left) <= 15
    assert _files(tmp_path) == []


async def test_a_file_whose_hits_have_not_all_reached_storage_stays(tmp_path: Path) -> None:
    line = await _bytes_of_a_line(tmp_path / "one")
    journal = Journal(tmp_path, "last", largest=3 * line)
    some = hits(9)
    for each in some:
        await journal.append("contoso", each)
    _, middle, last = _files(tmp_path)
    journal.forget([*some[:3], *some[4:]])
    assert _files(tmp_path) == [middle, last]
    assert last.stat().st_size == 0
    journal.forget(some)
    assert _files(tmp_path) == [last]
    journal.close()
    assert _files(tmp_path) == []


async def test_all_files_of_a_process_that_died_are_adopted_and_none_of_one_that_lives(
    tmp_path: Path,
) -> None:
    line = await _bytes_of_a_line(tmp_path / "one")
    died, lives = (Journal(tmp_path, name, largest=2 * line) for name in ("died", "lives"))
    many = hits(60)
    await asyncio.gather(*(died.append("contoso", each) for each in many[:30]))
    await asyncio.gather(*(lives.append("contoso", each) for each in many[30:]))
    assert await adopted(tmp_path) == []
    assert len(_files(tmp_path)) == 30
    died.close()
    assert {each.id for _, each in await adopted(tmp_path)} == {each.id for each in many[:30]}
    assert len(_files(tmp_path)) == 15
    await lives.append("contoso", many[0])
    lives.close()


async def test_hits_that_a_disk_did_not_take_hinder_no_later_ones(tmp_path: Path) -> None:
    """The folder is a file for a while; the files it was to have are not missed."""
    line = await _bytes_of_a_line(tmp_path / "one")
    folder = tmp_path / "folder"
    folder.write_text("a file")
    journal = Journal(folder, "last", largest=2 * line)
    refused, taken = hits(10)[:5], hits(10)[5:]
    for each in refused:
        with pytest.raises(OSError):
            await journal.append("contoso", each)
    folder.unlink()
    for each in taken:
        await journal.append("contoso", each)
    journal.forget([*refused, *taken[:4]])
    journal.close()
    assert taken[4] in [each for _, each in await adopted(folder)]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


async def _bytes_of_a_line(folder: Path) -> int:
    journal = Journal(folder, "one")
    await journal.append("contoso", *hits(1))
    (file,) = _files(folder)
    journal.close()
    return file.stat().st_size


@pytest.mark.parametrize("cut", [1, 2, 20, 100])
async def test_a_line_that_its_process_did_not_finish_is_passed_over(
    tmp_path: Path, cut: int
) -> None:
    journal = Journal(tmp_path, "last")
    whole, broken = hits(2)
    await journal.append("contoso", whole)
    await journal.append("contoso", broken)
    journal.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-cut])
    # A line without its end of line is whole all the same.
    expected = [whole, broken] if cut == 1 else [whole]
    assert [each for _, each in await adopted(tmp_path)] == expected


async def test_a_journal_of_nobody_or_an_empty_one_is_no_error(tmp_path: Path) -> None:
    assert await adopted(tmp_path / "not-there") == []
    (tmp_path / "died-early.journal").touch()
    assert await adopted(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_written_to_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(OSError):
        await Journal(tmp_path / "folder", "this").append("contoso", *hits(1))


async def test_others_on_the_machine_cannot_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "this")
    await journal.append("contoso", *hits(1))
    assert (tmp_path / "journal").stat().st_mode & 0o077 == 0
    journal.close()


_ON_A_FULL_DISK = """
import asyncio, json, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from shared.tracking.journal import Journal
from tests.tracking.followed_messages import hit

resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

async def main():
    journal = Journal(Path(sys.argv[1]), "full")
    answered = []
    for number, agent in enumerate([*["a" * 300] * 12, *["b"] * 12]):
        one = hit("0" * 32, datetime(2026, 3, 2, tzinfo=UTC), id=f"{number:032x}", agent=agent)
        try:
            await journal.append("contoso", one)
        except OSError:
            continue
        answered.append(one.id)
    print(json.dumps(answered))

asyncio.run(main())
"""


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX")
async def test_every_hit_that_a_full_disk_was_said_to_have_taken_is_found_again(
    tmp_path: Path,
) -> None:
    """A full disk takes a part of a line without a word; the lines after it must stay whole."""
    ran = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    answered = json.loads(ran.stdout)
    assert 2 < len(answered) < 24
    assert [each.id for _, each in await adopted(tmp_path)] == answered


_KILLED = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from shared.tracking.journal import Journal
from tests.tracking.followed_messages import hit

async def main():
    journal = Journal(Path(sys.argv[1]), "killed")
    for number in range(3):
        await journal.append("contoso", hit("0" * 32, datetime(2026, 3, 2, tzinfo=UTC)))
    print("written", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.processes
async def test_what_a_killed_process_answered_for_is_found_again(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "written\n"
    assert await adopted(tmp_path) == []
    process.kill()
    process.wait()
    process.stdout.close()
    assert len(await adopted(tmp_path)) == 3
