"""An administrator makes keys, sees which there are and takes them back (A1, A3)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.access.keys import MOST_KEYS
from tests.web.running_service import RunningService

pytestmark = pytest.mark.processes


def made(service: RunningService, name: str, *scopes: str) -> dict[str, Any]:
    answer = service.call("POST", "keys", {"name": name, "scopes": list(scopes)})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def listed(service: RunningService) -> list[dict[str, Any]]:
    return list(service.call("GET", "keys").json()["items"])


def test_a_new_key_does_what_its_scopes_say_and_is_shown_once(service: RunningService) -> None:
    new = made(service, "CRM", "read", "send")
    key = new.pop("key")
    assert service.call("GET", "settings", key=key).status_code == 200
    assert service.call("PATCH", "settings", {"language": "en"}, key=key).status_code == 403
    assert service.call("GET", "/api/orgs/fabrikam/settings", key=key).status_code == 404
    told = service.call("GET", "keys")
    assert told.json()["items"][0] == new
    assert (new["name"], new["scopes"]) == ("CRM", ["read", "send"])
    assert key.rpartition("-")[2] not in told.text
    assert told.headers["cache-control"] == "no-store"


def test_a_key_that_is_taken_back_is_gone_and_the_others_stay(service: RunningService) -> None:
    first, second = made(service, "old", "read"), made(service, "new", "read")
    for _ in range(2):  # who got no answer asks again
        assert service.call("DELETE", f"keys/{first['id']}").status_code == 204
    # It was never used, so that nobody remembers it.
    assert service.call("GET", "settings", key=first["key"]).status_code == 401
    assert service.call("GET", "settings", key=second["key"]).status_code == 200
    assert first["id"] not in [each["id"] for each in listed(service)]


def test_keys_are_an_administrators_alone(service: RunningService) -> None:
    before = listed(service)
    wanted = {"name": "CRM", "scopes": ["admin"]}
    for key, status in ((None, 401), (service.new_key("send", "read"), 403),
                        ("local-fabrikam", 404)):  # fmt: skip
        assert service.call("GET", "keys", key=key).status_code == status
        assert service.call("POST", "keys", wanted, key=key).status_code == status
        assert service.call("DELETE", f"keys/{before[0]['id']}", key=key).status_code == status
    person = {"cookie": service.sign_in("ana@contoso.com"), "sec-fetch-site": "same-origin"}
    assert service.call("POST", "keys", wanted, key=None, headers=person).status_code == 403
    names = [each["name"] for each in listed(service)]
    assert sorted(names) == sorted([*(each["name"] for each in before), "for a test"])


def test_an_administrator_who_signed_in_makes_the_first_key(service: RunningService) -> None:
    person = {"cookie": service.sign_in("carla@contoso.com"), "sec-fetch-site": "same-origin"}
    wanted = {"name": "first", "scopes": ["admin"]}
    answer = service.call("POST", "keys", wanted, key=None, headers=person)
    assert answer.status_code == 201, answer.text
    assert service.call("GET", "keys", key=answer.json()["key"]).status_code == 200
    # Not from another site's page, though, which could not read the key but would have made one.
    elsewhere = person | {"sec-fetch-site": "cross-site"}
    assert service.call("POST", "keys", wanted, key=None, headers=elsewhere).status_code == 403


MISTAKES: list[tuple[Any, str]] = [
    ({}, "/name"),
    ({"name": "CRM"}, "/scopes"),
    ({"name": "CRM", "scopes": []}, "/scopes"),
    ({"name": "CRM", "scopes": "send"}, "/scopes"),
    ({"name": "CRM", "scopes": ["write"]}, "/scopes/0"),
    ({"name": "CRM", "scopes": ["send"] * 4}, "/scopes"),
    ({"name": "", "scopes": ["send"]}, "/name"),
    ({"name": "  ", "scopes": ["send"]}, "/name"),
    ({"name": "x" * 101, "scopes": ["send"]}, "/name"),
    ({"name": "C\nRM", "scopes": ["send"]}, "/name"),
    ({"name": "CRM", "scopes": ["send"], "key": "mine"}, "/key"),
]


@pytest.mark.parametrize(
    ("body", "pointer"), MISTAKES, ids=[str(body)[:40] for body, _ in MISTAKES]
)
def test_a_mistake_is_pointed_at_and_no_key_is_made(
    service: RunningService, body: Any, pointer: str
) -> None:
    before = listed(service)
    answer = service.call("POST", "keys", body)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert listed(service) == before


@pytest.mark.parametrize("id_", ["x", "0" * 11, "0" * 13, "0" * 64, "~", "..%2f", "%27or%27"])
def test_what_is_no_id_of_a_key_takes_nothing_back(service: RunningService, id_: str) -> None:
    before = listed(service)
    assert service.call("DELETE", f"keys/{id_}").status_code == 404
    assert listed(service) == before


def test_more_keys_than_anybody_needs_are_refused(service: RunningService) -> None:
    others = "/api/orgs/fabrikam/keys"
    wanted = {"name": "one of many", "scopes": ["read"]}
    there = len(service.call("GET", others, key="local-fabrikam").json()["items"])
    for _ in range(MOST_KEYS - there):
        assert service.call("POST", others, wanted, key="local-fabrikam").status_code == 201
    refused = service.call("POST", others, wanted, key="local-fabrikam")
    assert refused.status_code == 422
    assert "withdraw one first" in refused.json()["detail"]
