"""The simulation of partitions: what docs/limits.md says of it."""

from __future__ import annotations

import functools
from dataclasses import replace

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


def test_a_message_that_costs_more_rows_makes_its_partitions_hotter() -> None:
    counts = kept()
    dearer = replace(counts, accepted=counts.accepted + Cost({}, {"records/records": 50}))
    before, after = morning(40).hottest, simulate(40e6, counts=dearer, hours=MORNING).hottest
    assert after["records/records"] > 5 * before["records/records"]
    assert after["ingest/hits 0"] == before["ingest/hits 0"]
