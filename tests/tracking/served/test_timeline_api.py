"""`GET …/messages/{id}/events`, through a real host (rules K2, F6, A1; the HTTP contract)."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.organizations import Organization
from tests.running_storage import MovableClock
from tests.tracking.followed_messages import PROGRAM, followed_message
from tests.tracking.served.service import Service

pytestmark = pytest.mark.processes

OFFER = "https://example.com/offer"


@pytest.fixture
async def message(service: Service, contoso: Organization, clock: MovableClock) -> str:
    """One that a program loaded and a person clicked."""
    message = await followed_message(contoso, clock(), links=[OFFER])
    service.get(service.pixel("contoso", message), **{"User-Agent": PROGRAM})
    service.get(service.redirect("contoso", message, OFFER))
    await service.events(contoso, message, 3)
    return message


def ask(
    service: Service,
    message: str,
    *,
    key: str = "local-contoso",
    org: str = "contoso",
    query: str = "",
) -> httpx.Response:
    path = f"/api/orgs/{org}/messages/{quote(message, safe='')}/events{query}"
    return service.get(path, **{"x-api-key": key} if key else {})


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == status


async def test_events_say_everything_that_is_known_t8(service: Service, message: str) -> None:
    events = items(ask(service, message))
    click = next(event for event in events if event["kind"] == "click")
    assert click["link"] == {"index": 0, "url": OFFER, "text": "Read on"}
    assert click["recipient"] == "li@example.com"
    assert click["client"] == {"name": "Thunderbird", "device": "desktop"}
    assert (click["automated"], click["reasons"], click["inferred"]) == (False, [], False)
    scan = next(event for event in events if event["automated"])
    assert "program" in scan["reasons"]
    assert [event["at"] for event in events] == sorted((e["at"] for e in events), reverse=True)


async def test_machines_can_be_left_out_or_asked_for_alone_k2(
    service: Service, message: str
) -> None:
    kinds = {
        choice: sorted(
            (event["kind"], event["automated"])
            for event in items(ask(service, message, query=f"?automated={choice}"))
        )
        for choice in ("include", "exclude", "only")
    }
    assert kinds["only"] == [("open", True)]
    assert kinds["exclude"] == [("click", False), ("open", False)]
    assert kinds["include"] == sorted(kinds["only"] + kinds["exclude"])


async def test_pages_follow_each_other_to_the_end(service: Service, message: str) -> None:
    seen, cursor = [], ""
    while True:
        answer = ask(service, message, query=f"?limit=1&cursor={cursor}")
        seen += [event["id"] for event in items(answer)]
        cursor = answer.json()["cursor"]
        if cursor is None:
            break
    assert seen == [event["id"] for event in items(ask(service, message))]


async def test_while_engagement_is_off_there_are_no_events_and_then_they_are_back_f6(
    service: Service, contoso: Organization, message: str, clock: MovableClock
) -> None:
    await contoso.change_settings(lambda old: old.with_engagement(False, clock()))
    assert ask(service, message).json() == {"items": [], "cursor": None}
    clock.move(seconds=1)
    await contoso.change_settings(lambda old: old.with_engagement(True, clock()))
    assert len(items(ask(service, message))) == 3


@pytest.mark.parametrize(
    "id_", ["x", "0" * 31, "0" * 33, "A" * 32, "' or 1 eq 1", "\\", "é", "a" * 2000, "message"]
)
def test_what_cannot_be_a_message_is_not_found(service: Service, id_: str) -> None:
    assert_problem(ask(service, id_), 404)


def test_a_message_that_is_not_there_is_not_found(service: Service) -> None:
    assert_problem(ask(service, uuid.uuid4().hex), 404)


async def test_a_message_of_another_organization_is_not_found_a1(
    service: Service, message: str
) -> None:
    for org, key in (
        ("fabrikam", "local-fabrikam"),
        ("contoso", "local-fabrikam"),
        ("fabrikam", "local-contoso"),
        ("adatum", "local-contoso"),
    ):
        assert_problem(ask(service, message, org=org, key=key), 404)


async def test_who_does_not_say_who_they_are_learns_nothing(service: Service, message: str) -> None:
    for key in ("", "unknown"):
        assert_problem(ask(service, message, key=key), 401)


@pytest.mark.parametrize(
    "query",
    [
        *("?automated=maybe", "?limit=0", "?limit=201", "?limit=x", "?limit=%C2%B2", "?colour=red"),
        *("?cursor=***", "?cursor=AA", "?cursor=AAAA", "?cursor=Cg", "?cursor=%C3"),
    ],
)
async def test_a_query_that_cannot_be_answered_is_said_to_be_wrong(
    service: Service, message: str, query: str
) -> None:
    assert_problem(ask(service, message, query=query), 422)


def test_storage_that_is_away_is_said_to_be_away(service: Service) -> None:
    answer = ask(service, uuid.uuid4().hex, org="northwind", key="local-northwind")
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
