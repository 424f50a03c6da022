"""The timeline of a message over the API: order, pages, filters (K2, T8)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.messages.rows import TABLE, event_to_row
from shared.model import Event, EventKind
from shared.organizations import Organizations
from shared.storage.tables import Write
from shared.web.requests import cursor_for
from tests.web.running_service import RunningService

pytestmark = pytest.mark.processes

COUNT = 25
BEGAN = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def message(service: RunningService) -> str:
    """A message to one person with 25 events, every third of them automated."""
    answer = service.call(
        "POST",
        "messages",
        {
            "from": "ana@contoso.com",
            "to": [{"address": "li@example.com"}],
            "subject": "Offer",
            "html": "<p>Hello</p>",
        },
    )
    made: str = answer.json()["id"]
    settings = service.deployment.settings

    async def fill() -> None:
        organizations = Organizations(settings.organizations, settings.local_storage_keys)
        contoso = organizations.get("contoso")
        assert contoso
        events = [
            Event(f"{n:032x}", EventKind.OPEN, BEGAN + timedelta(minutes=n), 0, n % 3 == 0)
            for n in range(COUNT)
        ]
        await contoso.tables.transact(
            TABLE, [Write("insert", event_to_row(made, event)) for event in events]
        )
        await organizations.close()

    asyncio.run(fill())
    return made


def events(service: RunningService, message: str, query: str = "") -> Any:
    return service.call("GET", f"messages/{message}/events{query}")


@pytest.mark.parametrize(
    ("automated", "wanted"),
    [
        ("", lambda n: True),
        ("include", lambda n: True),
        ("exclude", lambda n: n % 3 != 0),
        ("only", lambda n: n % 3 == 0),
    ],
)
@pytest.mark.parametrize("limit", [4, 25, 200])
def test_the_timeline_is_newest_first_over_all_its_pages(
    service: RunningService, message: str, automated: str, wanted: Any, limit: int
) -> None:
    found, cursor, pages = [], "", 0
    while cursor is not None:
        query = f"?limit={limit}" + (f"&automated={automated}" if automated else "")
        page = events(service, message, query + (f"&cursor={cursor}" if cursor else "")).json()
        assert len(page["items"]) <= limit
        found += [int(item["id"], 16) for item in page["items"]]
        cursor, pages = page["cursor"], pages + 1
        assert pages < COUNT
    assert found == [n for n in reversed(range(COUNT)) if wanted(n)]


def test_an_event_has_every_field_of_the_contract(service: RunningService, message: str) -> None:
    item = events(service, message, "?limit=1").json()["items"][0]
    at = (BEGAN + timedelta(minutes=COUNT - 1)).isoformat(timespec="milliseconds")
    assert item == {
        "id": f"{COUNT - 1:032x}",
        "kind": "open",
        "at": at.replace("+00:00", "Z"),
        "automated": True,
        "reasons": [],
        "inferred": False,
        "recipient": "li@example.com",
        "link": None,
        "attachment": None,
        "image": None,
        "client": {"name": None, "device": None},
        "country": None,
        "address": None,
        "repliedBy": None,
        "returnsOn": None,
        "failedAddress": None,
    }


@pytest.mark.parametrize(
    "query",
    [
        "?automated=yes", "?automated=Only", "?limit=0", "?limit=201", "?cursor=!", "?cursor=AA",
        f"?cursor={cursor_for(chr(10))}", "?kind=open", "?automated=only,exclude",
    ],
)  # fmt: skip
def test_a_query_value_that_makes_no_sense_is_a_422(
    service: RunningService, message: str, query: str
) -> None:
    assert events(service, message, query).status_code == 422


@pytest.mark.parametrize("position", ["x", "copy~", "' or 1 eq 1", "event~", "message", "~~"])
def test_a_cursor_of_ones_own_making_shows_nothing_but_events(
    service: RunningService, message: str, position: str
) -> None:
    answer = events(service, message, f"?cursor={cursor_for(position)}")
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert {item["kind"] for item in answer.json()["items"]} <= {"open"}


def test_the_timeline_of_a_message_nobody_knows_is_not_found(service: RunningService) -> None:
    assert events(service, "0" * 32).status_code == 404
