"""The simulation of partitions: what docs/limits.md says of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.counts import Cost, kept
from bench.partitions import ALLOWED, Day, simulate, table_of

MORNING = range(9, 12)
"""The busiest hour of the day, the one before and the one after."""


@functools.cache
def morning(millions: int, folders: int = 1) -> Day:
    """The busiest morning with so many million events a month."""
    return simulate(millions * 1e6, folders, hours=MORNING)


def test_no_partition_gets_half_of_what_it_takes_at_a_hundred_million_events_a_month() -> None:
    """As built, and also with as many folders as keep up with the busiest hour."""
    for folders in (1, 4):
        hottest = dict(table_of(morning(100, folders)))
        assert max(hottest.values()) < ALLOWED, hottest
        assert {"ingest/hits", "feeds/all", "messages/{the hottest}"} <= hottest.keys()


def test_beyond_it_the_list_of_everybody_is_the_first_partition_that_gets_too_much() -> None:
    hottest = table_of(morning(300, 8))
    assert [partition for partition, rows in hottest if rows > ALLOWED] == ["feeds/all"]


def test_one_folder_keeps_up_with_forty_million_events_a_month_and_not_with_a_hundred() -> None:
    assert morning(40).lag_s < 300
    assert morning(100).lag_s > 3600
    assert morning(100, folders=4).lag_s < 60


LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"
BY_SELLER = ("the hottest message", "{the hottest}"), ("the busiest seller", "seller:{…}")


def documented() -> Iterator[tuple[str, list[int]]]:
    """The rows of the page's table: a partition, and its rows a second in each column."""
    for row in re.findall(r"^\| (`\w+`, .*) \|$", LIMITS.read_text("utf-8"), re.MULTILINE):
        named, *cells = row.split(" | ")
        table, _, partition = named.replace("`", "").partition(", ")
        for says, means in BY_SELLER:
            partition = means if partition.startswith(says) else partition
        yield f"{table}/{partition}", [int(re.sub(r"\D", "", cell)) for cell in cells]


def test_the_page_about_limits_has_the_figures_of_the_simulation() -> None:
    """Where this fails after a change that was meant: python3 dev.py bench partitions."""
    columns = {2: morning(100), 3: morning(100, folders=4), 4: morning(300, 8)}
    rows = dict(documented())
    for column, day in columns.items():
        simulated = dict(table_of(day))
        assert len(rows) > 10
        for partition, said in rows.items():
            assert said[column] == pytest.approx(simulated[partition], rel=0.15), partition


def test_a_message_that_costs_more_rows_makes_its_partitions_hotter() -> None:
    counts = kept()
    dearer = replace(counts, accepted=counts.accepted + Cost({}, {"records/records": 50}))
    before, after = morning(40).hottest, simulate(40e6, counts=dearer, hours=MORNING).hottest
    assert after["records/records"] > 5 * before["records/records"]
    assert after["ingest/hits 0"] == before["ingest/hits 0"]
