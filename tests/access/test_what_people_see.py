"""Which messages each role sees: a seller those that are followed and their own (A3)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.access.callers import Caller
from shared.access.people import Person
from shared.organizations import Organization
from tests.web.running_service import RunningService

OWN, FOLLOWED, PRIVATE = "Own, not followed", "Another's, followed", "Another's, not followed"


@pytest.mark.parametrize(
    ("roles", "sees_all"),
    [
        ({"seller"}, False),
        ({"manager"}, True),
        ({"administrator"}, True),
        ({"seller", "manager"}, True),
        ({"seller", "janitor"}, False),
        ({"janitor"}, False),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_only_managers_and_administrators_see_all_a3(
    contoso: Organization, roles: set[str], sees_all: bool
) -> None:
    person = Person(contoso.entry.tenant, "ana@contoso.com", "Ana", frozenset(roles))
    seen_by = Caller(contoso, person.scopes, person).sees_own_or_followed
    assert seen_by == (None if sees_all else "ana@contoso.com")
    assert Caller(contoso, frozenset({"read"})).sees_own_or_followed is None


@pytest.fixture(scope="module")
def messages(service: RunningService) -> dict[str, str]:
    """Ids by subject: of Ana, who is a seller, and of Carla."""

    def send(subject: str, seller: str, follow: str) -> str:
        body = {
            "from": seller,
            "to": [{"address": "x@example.com", "record": {"type": "contact", "id": "x"}}],
            "subject": subject,
            "html": "<p>Hello</p>",
            "follow": follow,
        }
        answer = service.call("POST", "messages", body)
        assert answer.status_code == 202, answer.text
        message: str = answer.json()["id"]
        return message

    return {
        OWN: send(OWN, "Ana@contoso.com", "off"),
        FOLLOWED: send(FOLLOWED, "carla@contoso.com", "required"),
        PRIVATE: send(PRIVATE, "carla@contoso.com", "off"),
    }


pytestmark = pytest.mark.processes
EVERYBODY = {
    "ana@contoso.com": {OWN, FOLLOWED},
    "bruno@contoso.com": {OWN, FOLLOWED, PRIVATE},
    "carla@contoso.com": {OWN, FOLLOWED, PRIVATE},
    "a key": {OWN, FOLLOWED, PRIVATE},
}


def ask(service: RunningService, who: str, path: str) -> Any:
    if who == "a key":
        return service.call("GET", path, key=service.new_key("read"))
    return service.call("GET", path, key=None, headers={"cookie": service.sign_in(who)})


@pytest.mark.parametrize("who", EVERYBODY)
def test_the_list_has_what_one_may_see_however_it_is_asked_for_a3(
    service: RunningService, messages: dict[str, str], who: str
) -> None:
    unfollowed = {OWN, PRIVATE}
    for query, wanted in (
        ("", set(messages)),
        ("?sort=subject", set(messages)),
        ("?search=ANOTHER", {FOLLOWED, PRIVATE}),
        ("?followed=false", unfollowed),
        ("?followed=false&sort=-sent", unfollowed),
        ("?followed=true", {FOLLOWED}),
        ("?seller=carla@contoso.com", {FOLLOWED, PRIVATE}),
        ("?seller=carla@contoso.com&followed=false", {PRIVATE}),
        ("?seller=ana@contoso.com", {OWN}),
    ):
        items = ask(service, who, f"messages{query}").json()["items"]
        assert {item["subject"] for item in items} == wanted & EVERYBODY[who], query


@pytest.mark.parametrize("who", EVERYBODY)
def test_a_message_one_may_not_see_is_not_there_a3(
    service: RunningService, messages: dict[str, str], who: str
) -> None:
    nobodys = ask(service, who, f"messages/{'0' * 32}")
    for subject, message in messages.items():
        for below in ("", "/events"):
            answer = ask(service, who, f"messages/{message}{below}")
            if subject in EVERYBODY[who]:
                assert answer.status_code == 200, (subject, below)
            else:
                assert (answer.status_code, answer.content) == (404, nobodys.content)


def test_pages_of_the_list_lead_past_what_one_may_not_see_a3(
    service: RunningService, messages: dict[str, str]
) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        query = f"?limit=1{cursor and '&cursor=' + cursor}"
        page = ask(service, "ana@contoso.com", f"messages{query}").json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["cursor"]
    assert seen == [messages[FOLLOWED], messages[OWN]]
