"""Reading what callers send: bodies, query values, cursors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refusal
from shared.web.answers import MOST_PROBLEMS
from shared.web.fields import RequestModel
from shared.web.requests import (
    cursor_for,
    cursor_of,
    flag_of,
    instant_of,
    json_body,
    limit_of,
    one_of,
    only_params,
    parse,
)

T = TypeVar("T")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def outcome(read: Callable[[], T]) -> T | Refusal:
    """What was read, or why it was not."""
    try:
        return read()
    except Refusal as refusal:
        return refusal


def request(body: bytes = b"", **params: str) -> func.HttpRequest:
    return func.HttpRequest("POST", "http://localhost/", params=params, body=body)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_every_json_object_is_read_as_it_was_meant(value: dict[str, Any]) -> None:
    assert json_body(request(json.dumps(value).encode())) == value
    assert json_body(request(json.dumps(value, ensure_ascii=False).encode())) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_refusal(content: bytes) -> None:
    read = outcome(lambda: json_body(request(content)))
    assert isinstance(read, dict) or (read.status == 400 and read.detail.endswith("."))


@pytest.mark.parametrize("depth", [0, 1, 10, 49, 50, 100, 500, 900, 980, 1_000, 2_000, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_read_to_fifty_levels(depth: int, begin: str, end: str) -> None:
    content = '{"a":' + begin * depth + "1" + end * depth + "}"
    if depth < 50:
        assert json_body(request(content.encode()))
        return
    with pytest.raises(Refusal) as refusal:
        json_body(request(content.encode()))
    assert (refusal.value.status, refusal.value.detail) == (
        400,
        "The request is nested too deeply.",
    )


def test_among_very_many_names_the_one_said_twice_is_found_at_once() -> None:
    """Anybody may send this to Graph's webhook; looked for name by name it takes minutes."""
    names = [f'"n{number}":1' for number in range(80_000)]
    with pytest.raises(Refusal) as refusal:
        json_body(request(f"{{{','.join([*names, names[-1]])}}}".encode()))
    assert (refusal.value.status, refusal.value.detail) == (
        400,
        "The request says 'n79999' twice in one object.",
    )


def test_of_very_many_mistakes_as_many_are_told_as_are_shown() -> None:
    with pytest.raises(Refusal) as refusal:
        parse(Outer, {f"n{number}": 1 for number in range(1_000)})
    assert len(refusal.value.problems) == MOST_PROBLEMS


def test_a_body_over_its_limit_is_a_413_before_it_is_read() -> None:
    assert json_body(request(b"{}" + b" " * 8), largest=10) == {}
    with pytest.raises(Refusal) as refusal:
        json_body(request(b"x" * 11), largest=10)
    assert refusal.value.status == 413


class Inner(RequestModel):
    some_value: int


class Outer(RequestModel):
    inner: list[Inner] = []


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"inner": [{"someValue": 1}, {"someValue": "1"}]}, "/inner/1/someValue"),
        ({"inner": [{}]}, "/inner/0/someValue"),
        ({"inner": [{"someValue": 1, "~/": 2}]}, "/inner/0/~0~1"),
        ({"": 1}, "/"),
        ({"inner": [{"some_value": 1}]}, "/inner/0/some_value"),
    ],
)
def test_a_mistake_is_pointed_at_as_rfc_6901_says(value: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(Outer, value)
    assert pointer in [problem.pointer for problem in refusal.value.problems]
    assert all(problem.detail.endswith(".") for problem in refusal.value.problems)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_cursor_comes_back_as_it_was_given_out(position: str) -> None:
    assert cursor_of(request(cursor=cursor_for(position))) == position


@given(st.text(max_size=40))
def test_a_cursor_of_ones_own_making_is_a_refusal_or_printable(text: str) -> None:
    cursor = outcome(lambda: cursor_of(request(cursor=text)))
    if isinstance(cursor, Refusal):
        assert cursor.status == 422
    else:
        assert cursor == "" or (cursor.isascii() and cursor.isprintable())


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-25T09:00:00Z", datetime(2026, 11, 25, 9, tzinfo=UTC)),
        ("2026-11-25T09:00:00-03:00", datetime(2026, 11, 25, 12, tzinfo=UTC)),
        ("2026-11-25T09:00:00 03:00", datetime(2026, 11, 25, 6, tzinfo=UTC)),
        ("2026-11-25T09:00:00.123+00:00", datetime(2026, 11, 25, 9, 0, 0, 123_000, UTC)),
        ("", None),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, instant: datetime | None) -> None:
    assert instant_of(request(since=text), "since") == instant


def test_query_values_are_read_or_refused() -> None:
    assert limit_of(request()) == 50
    assert limit_of(request(limit="200")) == 200
    assert (flag_of(request(x="true"), "x"), flag_of(request(x="false"), "x")) == (True, False)
    assert flag_of(request(), "x") is None
    assert one_of(request(x="b"), "x", ("a", "b")) == "b"
    only_params(request(a="1"), "a", "b")
    wrongs: list[Callable[[], object]] = [
        lambda: limit_of(request(limit="0")),
        lambda: flag_of(request(x="yes"), "x"),
        lambda: one_of(request(x="c"), "x", ("a", "b")),
        lambda: only_params(request(c="1"), "a"),
        lambda: only_params(request(c="1")),
    ]
    for wrong in wrongs:
        with pytest.raises(Refusal) as refusal:
            wrong()
        assert refusal.value.status == 422
        assert refusal.value.detail.endswith(".")
