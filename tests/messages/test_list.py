"""The list of messages: its order, its filters, its pages (K1, A1)."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.messages.feeds import EVERYBODY, list_message, read_feed
from shared.messages.reading import SORTS
from shared.messages.rows import MessageRow, message_from_row, message_to_row
from shared.model import Failure, FollowChoice, Kpis, Status
from shared.organizations import Organization, Organizations
from tests.web.running_service import RunningService

pytestmark = pytest.mark.processes

COUNT = 60
OLD = 3
"""How many of them are older than the period that any other order looks at."""

NOW = datetime.now(UTC).replace(microsecond=0)
Item = dict[str, Any]


def message(number: int, chance: random.Random) -> MessageRow:
    """One of many different messages; the higher its number the newer it is."""
    status = chance.choice(list(Status))
    accepted_at = NOW - timedelta(minutes=COUNT - number, days=0 if number >= OLD else 40)
    seller = chance.choice(["ana@contoso.com", "bruno@contoso.com", "o'neil@contoso.com"])
    opened_at = chance.choice([None, NOW - timedelta(minutes=chance.randint(1, 50))])
    return MessageRow(
        id=f"{number:032x}",
        status=status,
        seller=seller,
        from_=seller,
        subject=chance.choice(["Offer", "offer", "Ärger 100%", "Zusage", "Résumé"]) + f" {number}",
        to_text=chance.choice(["Li Wei <li@example.com>", "bo@example.com", "ÉMILE@example.org"]),
        recipient_count=1,
        followed=chance.random() < 0.7,
        follow_choice=FollowChoice.PREFERRED,
        reasons=(),
        language="en",
        accepted_at=accepted_at,
        sent_at=accepted_at + timedelta(seconds=5) if status is Status.SENT else None,
        failure=Failure("unexpected") if status is Status.FAILED else None,
        kpis=Kpis(
            opens=5,
            human_opens=chance.randint(0, 3),
            human_link_clicks=chance.randint(0, 3),
            human_attachment_views=chance.randint(0, 2),
            replies=chance.randint(0, 2),
            last_human_opened_at=opened_at,
        ),
    )


def messages() -> list[MessageRow]:
    chance = random.Random(7)
    return [message(number, chance) for number in range(COUNT)]


@pytest.fixture(scope="module")
def filled(service: RunningService) -> RunningService:
    settings = service.deployment.settings

    async def fill() -> None:
        organizations = Organizations(settings.organizations, settings.local_storage_keys)
        contoso = organizations.get("contoso")
        assert contoso
        shuffled = messages()
        random.Random(1).shuffle(shuffled)
        await asyncio.gather(*(list_message(contoso, one) for one in shuffled))
        await organizations.close()

    asyncio.run(fill())
    return service


def ask(service: RunningService, **query: Any) -> httpx.Response:
    names = {name: value for name, value in query.items() if value is not None}
    return service.host.client.get(
        "/api/orgs/contoso/messages", params=names, headers={"x-api-key": "local-contoso"}
    )


def every_page(service: RunningService, **query: Any) -> list[list[Item]]:
    """All pages of a list, from the first to the one without a cursor."""
    pages: list[list[Item]] = []
    cursor = None
    while cursor is not None or not pages:
        answer = ask(service, cursor=cursor, **query)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["items"])
        cursor = answer.json()["cursor"]
        assert len(pages) < COUNT
    return pages


def numbers(pages: list[list[Item]]) -> list[int]:
    return [int(item["id"], 16) for page in pages for item in page]


@pytest.mark.parametrize("limit", [1, 7, 20, 60, 200, None])
def test_all_messages_come_newest_first_each_once_whatever_the_page(
    filled: RunningService, limit: int | None
) -> None:
    if limit == 1:
        first = ask(filled, limit=1).json()
        assert numbers([first["items"]]) == [COUNT - 1]
        return
    pages = every_page(filled, limit=limit)
    assert all(len(page) <= (limit or 50) for page in pages)
    assert numbers(pages) == list(reversed(range(COUNT)))


def test_an_entry_says_what_a_list_shows(filled: RunningService) -> None:
    (row,) = [one for one in messages() if one.id == f"{COUNT - 1:032x}"]
    item = ask(filled, limit=1).json()["items"][0]
    assert item["subject"] == row.subject
    assert item["seller"] == row.seller
    assert item["status"] == row.status.value
    assert item["followed"] is row.followed
    assert item["acceptedAt"] == row.accepted_at.isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
    assert item["kpis"]["humanOpens"] == row.kpis.human_opens
    assert item["kpis"]["humanOpeners"] is None


def test_what_failed_says_why_in_the_callers_language(filled: RunningService) -> None:
    answer = filled.call("GET", "messages?status=failed", headers={"accept-language": "es"})
    for item in answer.json()["items"]:
        assert item["failure"]["code"] == "unexpected"
        assert item["failure"]["message"].startswith("Algo falló")


FILTERS: dict[str, tuple[dict[str, str], Callable[[MessageRow], bool]]] = {
    **{
        status.value: ({"status": status.value}, lambda one, status=status: one.status is status)  # type: ignore[misc]
        for status in Status
    },
    "followed": ({"followed": "true"}, lambda one: one.followed),
    "not followed": ({"followed": "false"}, lambda one: not one.followed),
    "a seller": ({"seller": "Ana@Contoso.com"}, lambda one: one.seller == "ana@contoso.com"),
    "a seller with a quote": (
        {"seller": "o'neil@contoso.com"}, lambda one: one.seller == "o'neil@contoso.com"),
    "nobody": ({"seller": "nobody@contoso.com"}, lambda one: False),
    "since": (
        {"since": (NOW - timedelta(minutes=20)).isoformat()},
        lambda one: one.accepted_at >= NOW - timedelta(minutes=20),
    ),
    "until": (
        {"until": (NOW - timedelta(minutes=20)).isoformat()},
        lambda one: one.accepted_at < NOW - timedelta(minutes=20),
    ),
    "a period in another zone": (
        {
            "since": (NOW - timedelta(minutes=40)).isoformat().replace("+00:00", "Z"),
            "until": (NOW - timedelta(minutes=20)).astimezone().isoformat(),
        },
        lambda one: NOW - timedelta(minutes=40) <= one.accepted_at < NOW - timedelta(minutes=20),
    ),
    "since for ever": ({"since": "0001-01-01T00:00:00Z"}, lambda one: True),
    "since before computers": ({"since": "1900-01-01T00:00:00Z"}, lambda one: True),
    "until before computers": ({"until": "1900-01-01T00:00:00Z"}, lambda one: False),
    "until the end of time": ({"until": "9999-12-31T23:59:59Z"}, lambda one: True),
    "since the end of time": ({"since": "9999-12-31T23:59:59Z"}, lambda one: False),
    "several at once": (
        {"followed": "true", "status": "sent", "seller": "bruno@contoso.com"},
        lambda one: one.followed and one.status is Status.SENT and one.seller.startswith("bruno"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_shows_what_it_says_and_nothing_else(filled: RunningService, name: str) -> None:
    query, wanted = FILTERS[name]
    found = numbers(every_page(filled, limit=20, **query))
    assert found == [int(one.id, 16) for one in reversed(messages()) if wanted(one)]


@pytest.mark.parametrize("order", [{}, {"sort": "subject"}, {"search": "offer"}], ids=str)
@pytest.mark.parametrize(
    ("text", "is_past"),
    [
        ("0001-01-01T00:00:00Z", True),
        ("0001-01-05T00:00:00Z", True),
        ("0001-01-01T00:00:00+14:00", True),
        ("1969-12-31T23:59:59Z", True),
        ("1970-01-01T00:00:00+14:00", True),
        ("1970-01-02T00:00:00Z", True),
        ("9999-12-31T23:59:59.9999Z", False),
        ("9999-12-31T23:59:59-10:00", False),
    ],
)
def test_a_period_at_the_ends_of_the_calendar_is_answered_in_every_order(
    filled: RunningService, text: str, is_past: bool, order: dict[str, str]
) -> None:
    """A day before or after it there is no calendar to reckon with."""
    for name, is_empty in (("since", not is_past), ("until", is_past)):
        answer = ask(filled, **{name: text}, **order)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 200 and is_empty:
            assert answer.json()["items"] == []


SEARCHES: dict[str, Callable[[MessageRow], bool]] = {
    "offer": lambda one: "offer" in one.subject.lower(),
    "OFFER 1": lambda one: "offer 1" in one.subject.lower(),
    "li wei": lambda one: "Li Wei" in one.to_text,
    "émile@": lambda one: "ÉMILE" in one.to_text,
    "100%": lambda one: "100%" in one.subject,
    "' or 1 eq 1": lambda one: False,
}


@pytest.mark.parametrize("words", SEARCHES)
def test_a_search_looks_at_subject_and_recipients_of_the_last_30_days(
    filled: RunningService, words: str
) -> None:
    found = numbers(every_page(filled, limit=9, search=words))
    rows = [one for one in reversed(messages()) if int(one.id, 16) >= OLD]
    assert found == [int(one.id, 16) for one in rows if SEARCHES[words](one)]
    longer = numbers(every_page(filled, search=words, since=(NOW - timedelta(days=60)).isoformat()))
    assert longer == [int(one.id, 16) for one in reversed(messages()) if SEARCHES[words](one)]


VALUES: dict[str, Callable[[Item], Any]] = {
    "accepted": lambda item: item["acceptedAt"],
    "sent": lambda item: item["sentAt"] or "",
    "subject": lambda item: item["subject"].casefold(),
    "recipients": lambda item: item["recipientSummary"].casefold(),
    "seller": lambda item: item["seller"],
    "status": lambda item: item["status"],
    "opens": lambda item: item["kpis"]["humanOpens"],
    "lastOpened": lambda item: item["kpis"]["lastHumanOpenedAt"] or "",
    "attachmentViews": lambda item: item["kpis"]["humanAttachmentViews"],
    "linkClicks": lambda item: item["kpis"]["humanLinkClicks"],
    "replies": lambda item: item["kpis"]["replies"],
}


@pytest.mark.parametrize("sort", [name for name in SORTS if name != "-accepted"])
def test_any_other_order_is_kept_over_all_pages_of_the_period(
    filled: RunningService, sort: str
) -> None:
    items = [item for page in every_page(filled, sort=sort, limit=11) for item in page]
    assert len({item["id"] for item in items}) == len(items) == COUNT - OLD
    value = VALUES[sort.lstrip("-")]
    newest_first = sorted(items, key=lambda item: item["id"], reverse=True)
    assert items == sorted(newest_first, key=value, reverse=sort.startswith("-"))


def test_every_order_is_known_to_these_tests() -> None:
    assert {name.lstrip("-") for name in SORTS} == VALUES.keys()


def test_a_new_message_does_not_shift_the_pages_that_follow(filled: RunningService) -> None:
    first = ask(filled, limit=10, seller="ana@contoso.com").json()
    sent = filled.call(
        "POST",
        "messages",
        {
            "from": "ana@contoso.com",
            "to": [{"address": "new@example.com"}],
            "subject": "New",
            "html": "<p>New</p>",
        },
    ).json()
    second = ask(filled, limit=10, seller="ana@contoso.com", cursor=first["cursor"]).json()
    assert not {i["id"] for i in first["items"]} & {i["id"] for i in second["items"]}
    assert sent["id"] not in {item["id"] for item in second["items"]}
    newest = ask(filled, limit=1).json()["items"][0]
    assert newest["id"] == sent["id"]


def encoded(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode("utf-8", "surrogateescape")).decode()


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": limit} for limit in ("0", "201", "-1", "1.5", "ten", "٣", "1e2", "9" * 400)),
        *({"sort": sort} for sort in ("", "date", "-", "--opens", "Opens", "kpis", "opens,-sent")
          if sort),
        *({"status": status} for status in ("SENT", "open", "sent,failed", "needsReview")),
        *({"followed": value} for value in ("yes", "1", "True", "null")),
        *({name: value} for name in ("since", "until")
          for value in ("yesterday", "2026-11-25", "2026-11-25T09:00:00", "1764000000",
                        "2026-13-01T00:00:00Z")),
        {"order": "opens"},
        {"Limit": "5", "offset": "10"},
        *({"cursor": cursor} for cursor in ("!", "é", "a", "YQ", "_w")),
        *({"cursor": encoded(position)} for position in
          ("x", "~~", "' or 1 eq 1", "\0", "\n", "8" * 13, "8" * 13 + "~", "1~2~3",
           "8" * 13 + "~" + "g" * 32, "at:1", "at:-1", "at:²", "at:", "at:1e5")),
        *({"cursor": encoded(position), "sort": "opens"} for position in
          ("at:²", "at:-1", "at:", "at:x", "8" * 13 + "~" + "0" * 32)),
    ],
    ids=str,
)  # fmt: skip
def test_a_query_value_that_makes_no_sense_is_a_422_with_a_sentence(
    filled: RunningService, query: dict[str, str]
) -> None:
    answer = ask(filled, **query)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"].endswith(".")


async def test_a_message_is_listed_once_at_whatever_part_of_a_millisecond_it_was_accepted(
    contoso: Organization,
) -> None:
    """As it was when it was accepted, and as it is read again from its row."""
    for microsecond in (1, 499, 500, 501, 999):
        accepted = replace(messages()[0], accepted_at=NOW.replace(microsecond=microsecond))
        await list_message(contoso, accepted)
        again = message_from_row(message_to_row(accepted))
        await list_message(contoso, replace(again, version=2))
        listed = [one.message async for one in read_feed(contoso, EVERYBODY)]
        assert [one.version for one in listed] == [2], microsecond


def test_the_cursor_of_one_order_does_not_serve_another(filled: RunningService) -> None:
    newest = ask(filled, limit=5).json()["cursor"]
    by_opens = ask(filled, limit=5, sort="-opens").json()["cursor"]
    assert ask(filled, sort="-opens", cursor=newest).status_code == 422
    assert ask(filled, cursor=by_opens).status_code == 422


def test_the_list_of_another_organization_has_none_of_it_a1(filled: RunningService) -> None:
    theirs = filled.call("GET", "/api/orgs/fabrikam/messages", key="local-fabrikam").json()
    assert theirs == {"items": [], "cursor": None}
    cursor = ask(filled, limit=5).json()["cursor"]
    path = f"/api/orgs/fabrikam/messages?cursor={cursor}"
    assert filled.call("GET", path, key="local-fabrikam").json()["items"] == []
