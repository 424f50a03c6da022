"""Rows of an organization's tables, on a real Azurite: what is promised to everybody who writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Changed, Conflict, StorageUnavailable
from shared.organizations import Organization
from shared.storage.tables import (
    KEY_TEXT_LIMIT,
    PROPERTY_LIMIT,
    TRANSACTION_LIMIT,
    Row,
    Tables,
    Write,
    inverted,
    key_text,
)

TABLE = "messages"
NOBODY_LISTENS = "http://127.0.0.1:1/contoso"
KEY = "bm9ib2R5J3Mga2V5"


@pytest.fixture
def tables(contoso: Organization) -> Tables:
    return contoso.tables


def row(key: str, partition: str = "m", **properties: object) -> Row:
    return {"PartitionKey": partition, "RowKey": key, **properties}


async def keys(tables: Tables, partition: str = "m") -> list[str]:
    return [read.row["RowKey"] async for read in tables.rows(TABLE, partition, a_time=2)]


# --- One row --------------------------------------------------------------------------------


async def test_a_row_is_read_as_it_was_written(tables: Tables) -> None:
    written = row("r", text="Olá, 李 👋", number=7, flag=True, bytes=b"\0\xff", empty="")
    await tables.insert(TABLE, written)
    read = await tables.get(TABLE, "m", "r")
    assert read and read.row == written


async def test_a_missing_row_is_none(tables: Tables) -> None:
    assert await tables.get(TABLE, "m", "r") is None


async def test_a_second_insert_of_a_key_conflicts_and_changes_nothing(tables: Tables) -> None:
    await tables.insert(TABLE, row("r", v=1))
    with pytest.raises(Conflict):
        await tables.insert(TABLE, row("r", v=2))
    read = await tables.get(TABLE, "m", "r")
    assert read and read.row["v"] == 1


async def test_a_row_that_changed_since_it_was_read_is_not_replaced(tables: Tables) -> None:
    old = await tables.insert(TABLE, row("r", v=1))
    new = await tables.replace(TABLE, row("r", v=2), old)
    with pytest.raises(Changed):
        await tables.replace(TABLE, row("r", v=3), old)
    await tables.replace(TABLE, row("r", v=4), new)
    read = await tables.get(TABLE, "m", "r")
    assert read and read.row["v"] == 4


async def test_a_replaced_row_keeps_nothing_of_the_former(tables: Tables) -> None:
    etag = await tables.insert(TABLE, row("r", a=1, b=2))
    await tables.replace(TABLE, row("r", a=3), etag)
    read = await tables.get(TABLE, "m", "r")
    assert read and read.row == row("r", a=3)


async def test_a_row_that_is_gone_was_changed(tables: Tables) -> None:
    etag = await tables.insert(TABLE, row("r", v=1))
    await tables.delete(TABLE, "m", "r")
    with pytest.raises(Changed):
        await tables.replace(TABLE, row("r", v=2), etag)


async def test_deleting_twice_is_fine_and_deleting_what_changed_is_not(tables: Tables) -> None:
    etag = await tables.insert(TABLE, row("r", v=1))
    await tables.replace(TABLE, row("r", v=2), etag)
    with pytest.raises(Changed):
        await tables.delete(TABLE, "m", "r", etag)
    await tables.delete(TABLE, "m", "r")
    await tables.delete(TABLE, "m", "r")
    assert await tables.get(TABLE, "m", "r") is None


async def test_an_upsert_writes_whatever_was_there(tables: Tables) -> None:
    await tables.upsert(TABLE, row("r", a=1))
    await tables.upsert(TABLE, row("r", b=2))
    read = await tables.get(TABLE, "m", "r")
    assert read and read.row == row("r", b=2)


# --- Pages ----------------------------------------------------------------------------------


async def test_rows_come_in_the_order_of_their_keys_and_all_of_them(tables: Tables) -> None:
    wanted = [f"{number:02d}" for number in range(7)]
    for key in reversed(wanted):
        await tables.insert(TABLE, row(key))
    await tables.insert(TABLE, row("03", partition="n"))
    assert await keys(tables) == wanted


async def test_a_page_begins_after_a_key_and_ends_below_another(tables: Tables) -> None:
    for key in "abcde":
        await tables.insert(TABLE, row(key))
    page = await tables.page(TABLE, "m", after="a", below="e", limit=10)
    assert [read.row["RowKey"] for read in page] == ["b", "c", "d"]
    page = await tables.page(TABLE, "m", after="b", limit=2)
    assert [read.row["RowKey"] for read in page] == ["c", "d"]


async def test_a_page_longer_than_an_answer_of_storage_is_whole(tables: Tables) -> None:
    """The service answers at most 1,000 rows at once and a token to go on with."""
    for start in range(0, 1_200, 100):
        writes = [Write("insert", row(f"{number:04d}")) for number in range(start, start + 100)]
        await tables.transact(TABLE, writes)
    page = await tables.page(TABLE, "m", limit=1_100)
    assert [read.row["RowKey"] for read in page] == [f"{number:04d}" for number in range(1_100)]


@pytest.mark.parametrize("quote", ["'", "''", "' or PartitionKey ne '", '"', "m' or 'a' eq 'a"])
async def test_a_quote_in_a_key_asks_for_that_key_and_for_nothing_else(
    tables: Tables, quote: str
) -> None:
    await tables.insert(TABLE, row("r"))
    assert await tables.page(TABLE, quote, limit=10) == []
    assert await tables.page(TABLE, "m", after=quote, below=quote, limit=10) == []
    assert await tables.get(TABLE, "m", quote) is None
    await tables.insert(TABLE, row(quote, partition=quote))
    read = await tables.get(TABLE, quote, quote)
    assert read and [each.row["RowKey"] for each in await tables.page(TABLE, quote, limit=9)] == [
        quote
    ]


# --- Transactions ---------------------------------------------------------------------------


async def test_a_transaction_does_all_of_its_writes(tables: Tables) -> None:
    kept = await tables.insert(TABLE, row("kept", v=1))
    await tables.insert(TABLE, row("gone"))
    etags = await tables.transact(
        TABLE,
        [
            Write("replace", row("kept", v=2), kept),
            Write("insert", row("new")),
            Write("upsert", row("put")),
            Write("delete", row("gone")),
        ],
    )
    assert await keys(tables) == ["kept", "new", "put"]
    for key, etag in zip(("kept", "new", "put"), etags, strict=False):
        read = await tables.get(TABLE, "m", key)
        assert read and read.etag == etag


async def test_a_transaction_that_meets_a_key_conflicts_and_does_nothing(tables: Tables) -> None:
    await tables.insert(TABLE, row("there"))
    with pytest.raises(Conflict):
        await tables.transact(TABLE, [Write("insert", row("new")), Write("insert", row("there"))])
    assert await keys(tables) == ["there"]


async def test_a_transaction_on_a_changed_row_does_nothing(tables: Tables) -> None:
    etag = await tables.insert(TABLE, row("r", v=1))
    await tables.replace(TABLE, row("r", v=2), etag)
    with pytest.raises(Changed):
        await tables.transact(
            TABLE, [Write("insert", row("new")), Write("replace", row("r", v=3), etag)]
        )
    assert await keys(tables) == ["r"]


@pytest.mark.parametrize("action", ["replace", "delete"])
async def test_a_transaction_on_a_row_that_is_gone_does_nothing(
    tables: Tables, action: str
) -> None:
    etag = await tables.insert(TABLE, row("r"))
    await tables.delete(TABLE, "m", "r")
    write = Write("replace", row("r"), etag) if action == "replace" else Write("delete", row("r"))
    with pytest.raises(Changed):
        await tables.transact(TABLE, [Write("insert", row("new")), write])
    assert await keys(tables) == []


async def test_a_transaction_holds_a_hundred_rows_and_no_more(tables: Tables) -> None:
    writes = [Write("insert", row(f"{number:03d}")) for number in range(TRANSACTION_LIMIT + 1)]
    with pytest.raises(ValueError, match="more than 100"):
        await tables.transact(TABLE, writes)
    await tables.transact(TABLE, writes[:-1])
    assert len(await keys(tables)) == TRANSACTION_LIMIT


async def test_all_of_many_rows_are_deleted_and_no_others(tables: Tables) -> None:
    wanted = [f"{number:03d}" for number in range(205)]
    for start in (0, 100, 200):
        writes = [Write("insert", row(key)) for key in wanted[start : start + 100]]
        await tables.transact(TABLE, writes)
    await tables.insert(TABLE, row("000", partition="n"))
    await tables.delete_all(TABLE, "m", wanted[:-1])
    assert await keys(tables) == wanted[-1:]
    assert await keys(tables, "n") == ["000"]


@pytest.mark.parametrize("gone", ["a", "b", "abc"])
async def test_rows_that_are_gone_already_keep_no_others_from_being_deleted(
    tables: Tables, gone: str
) -> None:
    for key in set("abcd") - set(gone):
        await tables.insert(TABLE, row(key))
    await tables.delete_all(TABLE, "m", ["a", "b", "c"])
    await tables.delete_all(TABLE, "m", ["a"])
    await tables.delete_all(TABLE, "m", [])
    assert await keys(tables) == ["d"]


@pytest.mark.parametrize("changed", ["a", "b", "abc"])
async def test_rows_that_changed_since_they_were_read_are_not_deleted_with_the_others(
    tables: Tables, changed: str
) -> None:
    etags = {key: await tables.insert(TABLE, row(key)) for key in "abc"}
    for key in changed:
        await tables.upsert(TABLE, row(key, v=2))
    await tables.delete_all(TABLE, "m", ["a", "b", "c"], etags)
    await tables.delete_all(TABLE, "m", ["a"], etags)
    assert await keys(tables) == list(changed)


# --- Limits of the service that Azurite does not hold up --------------------------------------


@pytest.mark.parametrize(
    "value", [b"x" * (PROPERTY_LIMIT + 1), "x" * 32_769, "👋" * 16_385], ids=("bytes", "text", "👋")
)
async def test_a_property_over_its_limit_is_refused_before_it_is_sent(
    tables: Tables, value: object
) -> None:
    too_large = row("r", v=value)
    for written in (
        tables.insert(TABLE, too_large),
        tables.upsert(TABLE, too_large),
        tables.replace(TABLE, too_large, "*"),
        tables.transact(TABLE, [Write("insert", too_large)]),
    ):
        with pytest.raises(ValueError, match="property v"):
            await written


async def test_a_property_at_its_limit_is_stored(tables: Tables) -> None:
    largest = row("r", bytes=b"x" * PROPERTY_LIMIT, text="👋" * 16_384)
    await tables.insert(TABLE, largest)
    read = await tables.get(TABLE, "m", "r")
    assert read and read.row == largest


async def test_a_row_over_its_limit_is_refused_before_it_is_sent(tables: Tables) -> None:
    too_large = row("r") | {f"p{number}": b"x" * PROPERTY_LIMIT for number in range(16)}
    with pytest.raises(ValueError, match="1 MiB"):
        await tables.insert(TABLE, too_large)


async def test_a_key_over_its_limit_is_refused_before_it_is_sent(tables: Tables) -> None:
    for too_long in (row("k" * 513), row("r", partition="👋" * 257)):
        with pytest.raises(ValueError, match="key"):
            await tables.insert(TABLE, too_long)


# --- Texts of strangers in keys ----------------------------------------------------------------

HOSTILE = [
    *("a/b", "a\\b", "a#b", "a?b", "a%b", "a~b", "a!b", "a'b", 'a"b', "a b", " ", "..", "%2F"),
    *("\t", "\n", "\0", "\x7f", "\x85", "\u2028", "\ufffe", "é", "e\u0301", "李", "👋", "!2F"),
    *("x" * 200, "👋" * 200, "/" * 200),
]


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
async def test_any_text_makes_a_key_that_storage_takes(tables: Tables, text: str) -> None:
    await tables.insert(TABLE, row(f"id~{key_text(text)}", text=text))
    read = await tables.get(TABLE, "m", f"id~{key_text(text)}")
    assert read and read.row["text"] == text
    (found,) = await tables.page(TABLE, "m", after="id~", below="id~~", limit=10)
    assert found.row["text"] == text


@given(st.text(max_size=300), st.text(max_size=300))
def test_different_texts_never_share_a_key(one: str, other: str) -> None:
    assert (key_text(one) == key_text(other)) == (one == other)


@given(st.text(max_size=400))
def test_a_text_in_a_key_has_no_character_that_the_service_refuses_and_an_end(text: str) -> None:
    """Refused are / \\ # ? and control characters; `~` is what separates the parts of our keys."""
    key = key_text(text)
    assert not set(key) & set("/\\#?~%")
    assert key.isascii() and all(" " <= character < "\x7f" for character in key)
    assert len(key) <= KEY_TEXT_LIMIT


@pytest.mark.parametrize("text", ["c-1", "li@example.com", "CRM:contact=7", "a,b;c"])
def test_a_plain_text_in_a_key_stays_readable(text: str) -> None:
    assert key_text(text) == text


@given(st.integers(0, 9_999_999_999_999), st.integers(0, 9_999_999_999_999))
def test_what_is_newer_comes_first(one: int, other: int) -> None:
    assert (inverted(one) < inverted(other)) == (one > other)


# --- Storage that does not answer ---------------------------------------------------------------


async def test_storage_that_refuses_connections_is_unavailable() -> None:
    tables = Tables(NOBODY_LISTENS, KEY)
    try:
        for request in (
            tables.get(TABLE, "m", "r"),
            tables.insert(TABLE, row("r")),
            tables.replace(TABLE, row("r"), "*"),
            tables.upsert(TABLE, row("r")),
            tables.delete(TABLE, "m", "r"),
            tables.transact(TABLE, [Write("insert", row("r"))]),
            tables.page(TABLE, "m", limit=1),
        ):
            with pytest.raises(StorageUnavailable):
                await request
    finally:
        await tables.close()


# The library asks an XML answer whether it is true, which Python is going to answer differently.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
async def test_a_wrong_account_key_is_no_missing_row(contoso: Organization) -> None:
    """A deployment whose key does not fit must say so, and not that nothing was found."""
    stranger = Tables(contoso.entry.tables, KEY)
    try:
        with pytest.raises(StorageUnavailable):
            await stranger.get(TABLE, "m", "r")
    finally:
        await stranger.close()


async def test_storage_that_is_closed_opens_again_at_the_next_request(tables: Tables) -> None:
    await tables.insert(TABLE, row("r"))
    await tables.close()
    assert await tables.get(TABLE, "m", "r")
