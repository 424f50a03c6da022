"""The timer's work grows with what is due, not with what waits (S4)."""

from __future__ import annotations

from bench.scheduled import looked


async def test_a_look_asks_storage_as_often_whether_two_thousand_messages_wait_or_none() -> None:
    alone, _ = await looked(0, 20)
    beside_many, _ = await looked(2000, 20)
    assert beside_many == alone
    assert alone.total() > 20, "each that is due costs something"


async def test_where_nothing_is_due_a_look_costs_a_handful_of_requests() -> None:
    requests, _ = await looked(200, 0)
    assert requests.total() <= 4
    assert not any(what.startswith(("insert", "replace", "transact")) for what in requests)
