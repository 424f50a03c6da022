"""The cost sheet: docs/costs.md is what the command writes, and follows its inputs."""

from __future__ import annotations

import re
import tomllib

import pytest

from bench import costs
from bench.counts import kept
from bench.traffic import DAYS_A_MONTH, hours_of_a_week, rate_at
from tests.infra import used


@pytest.fixture(scope="module")
def prices() -> str:
    return costs.PRICES.read_text(encoding="utf-8")


def test_the_sheet_is_what_the_command_writes_from_the_stored_counts(prices: str) -> None:
    assert costs.SHEET.read_text(encoding="utf-8") == costs.sheet(kept(), prices), (
        "an input of docs/costs.md has changed: python3 dev.py costs"
    )


def test_every_price_of_the_table_moves_the_sheet(prices: str) -> None:
    before = costs.sheet(kept(), prices)
    for table, values in tomllib.loads(prices).items():
        for name in values if isinstance(values, dict) else ():
            first, _, rest = prices.partition(f"[{table}]")
            raised = re.sub(rf"(\b{name} = )(\S+)", r"\g<1>9\g<2>", rest, count=1)
            assert costs.sheet(kept(), f"{first}[{table}]{raised}") != before, (table, name)


def test_the_hours_of_an_average_week_add_up_to_the_events_of_a_month() -> None:
    hours = (rate_at(1e6, day, hour) * 3600 for day, hour in hours_of_a_week())
    assert sum(hours) * DAYS_A_MONTH / 7 == pytest.approx(1e6)


def test_every_timer_is_paid_for_as_often_as_bicep_lets_it_run() -> None:
    assert set(costs.TIMERS_S) == used.timers()
    bicep = (used.ROOT / "infra" / "app.bicep").read_text(encoding="utf-8")
    for schedule, every in (
        ("'*/15 * * * * *'", 15),
        ("'0 * * * * *'", 60),
        ("'30 * * * * *'", 60),
    ):
        setting = re.search(rf"(\w+_SCHEDULE): {re.escape(schedule)}", bicep)
        assert setting, f"no timer runs every {every} s any more: costs.TIMERS_S"
        named = used.scheduled_by(setting[1])
        assert {costs.TIMERS_S[timer] for timer in named} == {every}


def test_more_events_cost_more_and_each_of_them_less() -> None:
    months = [costs.month(events, kept()) for events in (1e5, 1e6, 1e7)]
    transactions = [month.table_transactions for month in months]
    assert transactions == sorted(transactions)
    seconds = [month.gb_s_http / month.requests for month in months]
    assert seconds == sorted(seconds, reverse=True)
