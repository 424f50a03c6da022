"""What a month costs, worked out from counted requests, assumed traffic and a table of prices.

dev.py costs            writes docs/costs.md from what was counted last
dev.py costs --count    counts anew first
"""

from __future__ import annotations

import argparse
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import counts, traffic
from bench.counts import Measured

ROOT = Path(__file__).parents[1]
SHEET = ROOT / "docs" / "costs.md"
PRICES = Path(__file__).with_name("prices.toml")
TEMPLATE = Path(__file__).with_name("costs-sheet.md")
SIZES = (10_000, 1_000_000, 100_000_000)
"""Events a month."""

MEMORY_GB = 2.0
"""Of an instance (infra/app.bicep)."""
ALWAYS_READY = 1
SHORTEST_S = 1.0
"""An instance that works is billed for a second at least (Functions documentation, "Flex
Consumption plan", billing)."""
HITS_A_PROCESS = 50
FOLD_S = 0.014
"""What folding takes for a message with a new event (docs/performance.md)."""
POLL_S = 2.0
"""How often the host asks a queue in which nothing is (host.json, maxPollingInterval)."""
BODY_BYTES = 20_000
ITEM_KB = 1.0
ITEMS_A_SECOND = 20
"""Of telemetry: its size, and how many an instance sends at most (host.json, samplingSettings)."""
ITEMS_AN_EXECUTION = 3
TIMERS_S = {
    "fire_due_messages": 15,
    "fire_due_reminders": 15,
    "sweep_hits": 60,
    "watch_mailboxes": 60,
}
"""How often each timer runs (infra/app.bicep); each has an instance of its own."""
MONTH_S = traffic.DAYS_A_MONTH * 24 * 3600

Prices = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Month:
    """What one organization with so many events uses in a month."""

    executions_http: float
    executions_on_demand: float
    gb_s_http: float
    gb_s_on_demand: float
    table_transactions: float
    blob_writes: float
    blob_reads: float
    queue_operations: float
    table_gb: float
    """What a year of history takes."""
    blob_gb: float
    telemetry_gb: float
    requests: float
    """From recipients, through Front Door where there is one."""
    alert_rules: int


@dataclass(frozen=True)
class Line:
    """One line of the sheet: what, how much of it, what it costs."""

    title: str
    amount: Callable[[Month], str]
    cost: Callable[[Month, Prices], float]


def month(events: float, measured: Measured) -> Month:
    """Adds the hours of an average week up."""
    messages = events / traffic.EVENTS_A_MESSAGE
    pages = messages * traffic.PAGES_A_MESSAGE
    segments = folds = http_s = fold_s = deliver_s = 0.0
    weeks = traffic.DAYS_A_MONTH / 7
    for day, hour in traffic.hours_of_a_week():
        rate = traffic.rate_at(events, day, hour)
        requests = rate * (1 + (1 + traffic.PAGES_A_MESSAGE * 2) / traffic.EVENTS_A_MESSAGE)
        instances = max(1, math.ceil(rate / HITS_A_PROCESS))
        an_hour = 3600 * weeks
        segments += an_hour * rate / hits_in_one(rate)
        folds += an_hour * busy(rate)
        http_s += an_hour * instances * busy(requests / instances)
        fold_s += an_hour * max(busy(rate), rate * FOLD_S)
        deliver_s += an_hour * busy(rate / traffic.EVENTS_A_MESSAGE)
    runs = {timer: MONTH_S / every for timer, every in TIMERS_S.items()}
    asked = (
        (measured.accepted + measured.delivered + measured.scheduled * traffic.SCHEDULED) * messages
        + measured.hit * segments
        + measured.fold * folds
        + measured.folded_message * events
        + measured.idle_sweep * runs["sweep_hits"]
        + measured.idle_due * runs["fire_due_messages"]
        + measured.idle_reminders * runs["fire_due_reminders"]
        + (measured.list_page + measured.message_page) * pages
    ).requests
    words = asked["queue word"] + folds
    http = events + messages + 2 * pages
    timers = sum(runs.values())
    on_demand = words + timers
    items = min(
        (http + on_demand) * ITEMS_AN_EXECUTION,
        ITEMS_A_SECOND * (http_s + fold_s + deliver_s + timers * SHORTEST_S),
    )
    rows = 3 * messages * measured.message_row_bytes + events * measured.event_row_bytes
    return Month(
        executions_http=http,
        executions_on_demand=on_demand,
        gb_s_http=http_s * MEMORY_GB,
        gb_s_on_demand=(fold_s + deliver_s + timers * SHORTEST_S) * MEMORY_GB,
        table_transactions=asked["table"],
        blob_writes=asked["blob write"],
        blob_reads=asked["blob read"],
        # Each word is put, taken and deleted; and empty queues are asked.
        queue_operations=3 * words + measured.queues * MONTH_S / POLL_S,
        table_gb=12 * rows / 1e9,
        blob_gb=12 * messages * BODY_BYTES / 1e9,
        telemetry_gb=items * ITEM_KB / 1e6,
        requests=events,
        alert_rules=measured.alert_rules,
    )


def hits_in_one(rate: float) -> float:
    """How many hits there are in a segment: those that come while a write of 10 ms is under way."""
    return 1 + rate / max(1, math.ceil(rate / HITS_A_PROCESS)) * 0.01


def busy(rate: float) -> float:
    """Which part of the time an instance is billed that starts so many works a second by chance."""
    return 1 - math.exp(-rate * SHORTEST_S)


def _per(amount: float, price: float, each: float = 1.0) -> float:
    return amount / each * price


LINES: Sequence[Line] = (
    Line(
        "HTTP: an instance that always waits",
        lambda m: f"{ALWAYS_READY} × {MEMORY_GB:.0f} GB",
        lambda m, p: (
            ALWAYS_READY * MEMORY_GB * MONTH_S * p["functions"]["gb_s_always_ready_baseline"]
        ),
    ),
    Line(
        "HTTP: while it works",
        lambda m: f"{_many(m.gb_s_http)} GB-s",
        lambda m, p: m.gb_s_http * p["functions"]["gb_s_always_ready_active"],
    ),
    Line(
        "queues and timers: while they work",
        lambda m: f"{_many(m.gb_s_on_demand)} GB-s",
        lambda m, p: (
            max(0, m.gb_s_on_demand - p["functions"]["free_on_demand_gb_s"])
            * p["functions"]["gb_s_on_demand"]
        ),
    ),
    Line(
        "executions",
        lambda m: _many(m.executions_http + m.executions_on_demand),
        lambda m, p: _per(
            m.executions_http
            + max(0, m.executions_on_demand - p["functions"]["free_on_demand_executions"]),
            p["functions"]["million_executions"],
            1e6,
        ),
    ),
    Line(
        "transactions of tables",
        lambda m: _many(m.table_transactions),
        lambda m, p: _per(m.table_transactions, p["tables"]["ten_thousand_transactions"], 1e4),
    ),
    Line(
        "transactions of blobs",
        lambda m: _many(m.blob_writes + m.blob_reads),
        lambda m, p: (
            _per(m.blob_writes, p["blobs"]["ten_thousand_writes"], 1e4)
            + _per(m.blob_reads, p["blobs"]["ten_thousand_reads"], 1e4)
        ),
    ),
    Line(
        "operations of queues, most of them asking empty ones",
        lambda m: _many(m.queue_operations),
        lambda m, p: _per(m.queue_operations, p["queues"]["ten_thousand_operations"], 1e4),
    ),
    Line(
        "a year of history: rows",
        lambda m: f"{_many(m.table_gb)} GB",
        lambda m, p: m.table_gb * p["tables"]["gb_month"],
    ),
    Line(
        "a year of history: bodies",
        lambda m: f"{_many(m.blob_gb)} GB",
        lambda m, p: m.blob_gb * p["blobs"]["gb_month"],
    ),
    Line(
        "Application Insights",
        lambda m: f"{_many(m.telemetry_gb)} GB",
        lambda m, p: max(0, m.telemetry_gb - p["monitor"]["free_gb"]) * p["monitor"]["gb_ingested"],
    ),
    Line(
        "alerts on the log",
        lambda m: f"{m.alert_rules} rules",
        lambda m, p: m.alert_rules * p["monitor"]["log_alert_rule"],
    ),
)

FRONT_DOOR = Line(
    "with host names of one's own: Front Door",
    lambda m: _many(m.requests),
    lambda m, p: (
        p["front_door"]["base"] + _per(m.requests, p["front_door"]["ten_thousand_requests"], 1e4)
    ),
)


def sheet(measured: Measured, prices_text: str) -> str:
    """docs/costs.md."""
    said = tomllib.loads(prices_text)
    prices: Prices = {name: values for name, values in said.items() if isinstance(values, dict)}
    months = [month(size, measured) for size in SIZES]
    sums = [sum(line.cost(m, prices) for line in LINES) for m in months]
    rows = [
        f"| {line.title} | "
        + " | ".join(f"{line.amount(m)} | {_money(line.cost(m, prices))}" for m in months)
        + " |"
        for line in (*LINES, FRONT_DOOR)
    ]
    total = "| **together, without Front Door** | " + " | ".join(
        f" | **{_money(s)}**" for s in sums
    )
    rows.insert(len(LINES), total + " |")
    per = [f" | {_money(1000 * s / size, 3)}" for s, size in zip(sums, SIZES, strict=True)]
    rows.insert(len(LINES) + 1, "| a thousand events | " + " | ".join(per) + " |")
    heads = " | ".join(f"{_many(size)} events | {said['currency']}" for size in SIZES)
    return TEMPLATE.read_text(encoding="utf-8").format(
        prices=said["checked_on"],
        region=said["region"],
        heads=heads,
        ruler="|---" * (1 + 2 * len(SIZES)) + "|",
        rows="\n".join(rows),
        counted="\n".join(_counted(measured)),
        events_a_message=traffic.EVENTS_A_MESSAGE,
        scheduled=traffic.SCHEDULED,
        pages=traffic.PAGES_A_MESSAGE,
        body=BODY_BYTES // 1000,
        item=ITEM_KB,
        items=ITEMS_AN_EXECUTION,
        at_most=ITEMS_A_SECOND,
        fold_ms=FOLD_S * 1000,
    )


def _counted(measured: Measured) -> list[str]:
    things = {
        "a followed message is accepted": measured.accepted,
        "… delivered": measured.delivered,
        "… and, where it is sent later, more": measured.scheduled,
        "a write of hits, whatever their number": measured.hit,
        "a fold, beside its messages": measured.fold,
        "a message with one new event, in a fold": measured.folded_message,
        "each further event of that message": measured.further_event,
        "the timer of hits, where nothing happens": measured.idle_sweep,
        "the timer of what is due, where nothing is": measured.idle_due,
        "the timer of reminders, where none is due": measured.idle_reminders,
        "a page of the list": measured.list_page,
        "the page of a message": measured.message_page,
    }
    names = ("table", "blob write", "blob read", "queue word")
    return [
        f"| {title} | " + " | ".join(f"{cost.requests.get(n, 0):.3g}" for n in names) + " |"
        for title, cost in things.items()
    ]


def _many(amount: float) -> str:
    """Two digits: what is assumed does not bear more."""
    rounded = float(f"{amount:.2g}")
    for unit, name in ((1e9, " billion"), (1e6, " million")):
        if rounded >= unit:
            return f"{rounded / unit:g}{name}"
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def _money(amount: float, digits: int = 2) -> str:
    return f"{amount:,.0f}" if amount >= 20 else f"{amount:,.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev.py costs", description="Writes docs/costs.md.")
    parser.add_argument("--count", action="store_true", help="count the requests anew first")
    if parser.parse_args().count:
        counts.main()
    SHEET.write_text(sheet(counts.kept(), PRICES.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"docs/costs.md is written, from the prices of {PRICES.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
