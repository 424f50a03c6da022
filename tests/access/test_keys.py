"""Keys of an organization: known, unknown, withdrawn, and never kept in the clear (A1, A3)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from shared.access.keys import (
    REMEMBERED_S,
    SCOPES,
    TABLE,
    Keyring,
    new_key,
    organization_named_by,
    store_key,
)
from shared.organizations import Organization
from tests.web.running_service import RunningService

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Seconds:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_is_found_with_its_scopes_in_its_organization_alone_a1(
    contoso: Organization, fabrikam: Organization
) -> None:
    key = new_key("contoso")
    stored = await store_key(contoso, key, "CRM", frozenset({"send"}), NOW)
    keyring = Keyring(Seconds())
    assert await keyring.find(contoso, key) == stored
    assert stored.scopes == {"send"}
    assert await keyring.find(fabrikam, key) is None
    assert await keyring.find(contoso, key + "x") is None
    assert await keyring.find(contoso, key[:-1]) is None


async def test_only_the_hash_of_a_key_is_stored_a3(contoso: Organization) -> None:
    key = new_key("contoso")
    stored = await store_key(contoso, key, "CRM", frozenset(SCOPES), NOW)
    (read,) = [row async for row in contoso.tables.rows(TABLE, "key")]
    assert key not in repr(read)
    assert key.rpartition("-")[2] not in repr(read)
    assert read.row["RowKey"] == hashlib.sha256(key.encode()).hexdigest()
    assert read.row["RowKey"].startswith(stored.id)


async def test_a_withdrawn_key_works_at_most_half_a_minute_longer_a3(
    contoso: Organization,
) -> None:
    key, seconds = new_key("contoso"), Seconds()
    keyring = Keyring(seconds)
    await store_key(contoso, key, "CRM", frozenset(SCOPES), NOW)
    assert await keyring.find(contoso, key)
    await contoso.tables.delete(TABLE, "key", hashlib.sha256(key.encode()).hexdigest())
    seconds.now += REMEMBERED_S - 0.001
    assert await keyring.find(contoso, key)
    seconds.now += 0.001
    assert await keyring.find(contoso, key) is None
    assert REMEMBERED_S <= 30


async def test_asking_again_and_again_does_not_keep_a_withdrawn_key_alive(
    contoso: Organization,
) -> None:
    key, seconds = new_key("contoso"), Seconds()
    keyring = Keyring(seconds)
    await store_key(contoso, key, "CRM", frozenset(SCOPES), NOW)
    await keyring.find(contoso, key)
    await contoso.tables.delete(TABLE, "key", hashlib.sha256(key.encode()).hexdigest())
    answers = []
    for _ in range(8):
        seconds.now += REMEMBERED_S / 4
        answers.append(await keyring.find(contoso, key) is not None)
    assert answers == [True] * 3 + [False] * 5


async def test_a_key_that_is_made_after_it_was_refused_works_at_once(
    contoso: Organization,
) -> None:
    key, keyring = new_key("contoso"), Keyring(Seconds())
    assert await keyring.find(contoso, key) is None
    await store_key(contoso, key, "CRM", frozenset({"read"}), NOW)
    assert await keyring.find(contoso, key)


async def test_scopes_that_change_are_seen_after_the_remembered_time(
    contoso: Organization,
) -> None:
    key, seconds = new_key("contoso"), Seconds()
    keyring = Keyring(seconds)
    await store_key(contoso, key, "CRM", frozenset({"send", "admin"}), NOW)
    await keyring.find(contoso, key)
    await store_key(contoso, key, "CRM", frozenset({"read"}), NOW)
    seconds.now += REMEMBERED_S
    found = await keyring.find(contoso, key)
    assert found is not None and found.scopes == {"read"}


def test_new_keys_are_long_chance_and_say_whose_they_are() -> None:
    keys = {new_key("contoso") for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert organization_named_by(key) == "contoso"
        assert len(key.split("-", 2)[2]) >= 43


@pytest.mark.parametrize("key", ["", "key", "-", "--", "🔑", "a" * 10_000])
def test_what_does_not_read_like_a_key_names_nobody(key: str) -> None:
    assert organization_named_by(key) == ""


HEADERS = {
    "bearer": {"authorization": "Bearer local-contoso"},
    "bearer in capitals": {"authorization": "BEARER   local-contoso"},
    "x-api-key": {"x-api-key": "local-contoso"},
    "both": {"authorization": "Bearer local-contoso", "x-api-key": "nonsense"},
}


@pytest.mark.processes
@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_a_key_is_taken_from_either_header(
    service: RunningService, headers: dict[str, str]
) -> None:
    assert service.call("GET", "settings", key=None, headers=headers).status_code == 200


STRANGERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "an empty key": {"x-api-key": ""},
    "bearer without a key": {"authorization": "Bearer"},
    "basic": {"authorization": "Basic bG9jYWwtY29udG9zbzo="},
    "an unknown secret": {"x-api-key": "key-contoso-unknown"},
    "another name": {"x-api-key": "Local-contoso"},
    "capitals": {"x-api-key": "local-CONTOSO"},
    "an organization that is not there": {"x-api-key": "local-nobody"},
    "a path": {"x-api-key": "local-../contoso"},
    "a quote": {"x-api-key": "local-contoso' or ''='"},
    "very long": {"x-api-key": "key-contoso-" + "x" * 7_000},
    "two keys": {"x-api-key": "local-contoso,local-fabrikam"},
}


@pytest.mark.processes
@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("path", ["settings", "messages", "records/contact/c-1"])
def test_without_a_known_key_nobody_gets_in(
    service: RunningService, path: str, headers: dict[str, str]
) -> None:
    answer = service.call("GET", path, key=None, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == 401


@pytest.mark.processes
def test_the_demos_key_has_all_scopes_and_a_new_one_those_it_was_given(
    service: RunningService,
) -> None:
    reader = service.new_key("read")
    assert service.call("GET", "settings", key=reader).status_code == 200
    refused = service.call("PATCH", "settings", {"language": "en"}, key=reader)
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]
    assert service.call("PATCH", "settings", {"language": "en"}).status_code == 200


@pytest.mark.processes
def test_the_organization_in_the_path_may_be_written_in_capitals(service: RunningService) -> None:
    """Routes match whatever the case, so the id does too."""
    assert service.call("GET", "/api/orgs/CONTOSO/settings").status_code == 200
