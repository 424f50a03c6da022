"""What the CRM tells of its records, and finding them by address (F1, F5, A1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.model import Record, RecordRef
from shared.organizations import Organization
from shared.records.store import load_record, records_with_address, store_record
from tests.web.running_service import RunningService

WHOLE = {
    "name": "Li Wei",
    "addresses": ["li.wei@example.com", "home@example.org"],
    "phone": "+86 10 5550 0100",
    "address": {"country": "CN", "city": "北京"},
    "timeZone": "Asia/Shanghai",
    "followEmail": False,
}


def put(service: RunningService, path: str, body: Any, **more: Any) -> httpx.Response:
    return service.call("PUT", f"records/{path}", body, **more)


def get(service: RunningService, path: str, **more: Any) -> httpx.Response:
    return service.call("GET", f"records/{path}", **more)


def preference(service: RunningService, address: str) -> tuple[bool, bool]:
    """Whether a message to that address would be followed, and the address's preference."""
    value = service.call("POST", "follow-check", {"to": [{"address": address}]}).json()
    return value["followed"], value["recipients"][0]["preference"]


@pytest.mark.processes
def test_a_record_is_read_as_it_was_written(service: RunningService) -> None:
    answer = put(service, "contact/whole", WHOLE)
    assert (answer.status_code, answer.json()) == (200, {"type": "contact", "id": "whole", **WHOLE})
    assert get(service, "contact/whole").json() == answer.json()


@pytest.mark.processes
def test_what_is_left_out_is_empty_and_following_is_allowed_by_default_f5(
    service: RunningService,
) -> None:
    put(service, "contact/emptied", WHOLE)
    assert put(service, "contact/emptied", {}).json() == {
        "type": "contact",
        "id": "emptied",
        "name": None,
        "addresses": [],
        "phone": None,
        "address": None,
        "timeZone": None,
        "followEmail": True,
    }
    assert preference(service, "li.wei@example.com")[0] is False


@pytest.mark.processes
def test_a_record_nobody_wrote_is_not_found(service: RunningService) -> None:
    answer = get(service, "contact/nobody")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.processes
def test_the_preference_follows_the_record_at_once_f5(service: RunningService) -> None:
    put(service, "lead/f5", {"addresses": ["f5@example.com"]})
    assert preference(service, "f5@example.com") == (True, True)
    put(service, "lead/f5", {"addresses": ["f5@example.com"], "followEmail": False})
    assert preference(service, "F5@Example.com") == (False, False)
    put(service, "lead/f5", {"addresses": ["f5@example.com"], "followEmail": True})
    assert preference(service, "f5@example.com") == (True, True)


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"color": "red"}, "/color"),
    ({"follow_email": True}, "/follow_email"),
    ({"followEmail": "no"}, "/followEmail"),
    ({"followEmail": None}, "/followEmail"),
    ({"name": 7}, "/name"),
    ({"name": "a\nb"}, "/name"),
    ({"name": "x" * 257}, "/name"),
    ({"addresses": "li@example.com"}, "/addresses"),
    ({"addresses": ["li@example.com", "li"]}, "/addresses/1"),
    ({"addresses": [f"a{n}@example.com" for n in range(21)]}, "/addresses"),
    ({"phone": "1" * 65}, "/phone"),
    ({"address": "Main street"}, "/address"),
    ({"address": {"street": "Main"}}, "/address/street"),
    ({"timeZone": "Mars/Olympus"}, "/timeZone"),
    ({"timeZone": ""}, "/timeZone"),
    ({"timeZone": "/etc/localtime"}, "/timeZone"),
]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "pointer"), MISTAKES, ids=[str(body)[:40] for body, _ in MISTAKES]
)
def test_a_mistake_is_pointed_at_and_nothing_changes(
    service: RunningService, body: dict[str, Any], pointer: str
) -> None:
    before = put(service, "contact/kept", WHOLE).json()
    answer = put(service, "contact/kept", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert get(service, "contact/kept").json() == before


IDS = [
    "a b", "a+b", "a%b", "a~b", "a~", "~", "a'b", "' or 1 eq 1", "a#b", "a?b", "a\\b", "a!2Fb",
    "é", "日本", "𝕏", "a:b@c", "x" * 200, "日" * 200, "%2F", "...", "{0}", "<script>", "C-1", "c-1",
]  # fmt: skip


@pytest.mark.processes
def test_ids_are_taken_as_they_are_and_kept_apart(service: RunningService) -> None:
    for number, id_ in enumerate(IDS):
        answer = put(service, f"contact/{quote(id_, safe='')}", {"name": str(number)})
        assert answer.status_code == 200, id_
    for number, id_ in enumerate(IDS):
        found = get(service, f"contact/{quote(id_, safe='')}").json()
        assert (found["id"], found["name"]) == (id_, str(number))


@pytest.mark.processes
@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("contact/" + "x" * 201, "/id"),
        ("contact/a%0Ab", "/id"),
        ("contact/a%7Fb", "/id"),
        ("con-tact/1", "/type"),
        ("7/1", "/type"),
        ("x" * 65 + "/1", "/type"),
        ("con%20tact/1", "/type"),
    ],
)
def test_a_type_or_id_that_cannot_be_one_is_a_422(
    service: RunningService, path: str, pointer: str
) -> None:
    for answer in (put(service, path, {}), get(service, path)):
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.processes
def test_a_record_of_one_organization_is_unknown_to_the_other_a1(service: RunningService) -> None:
    put(service, "contact/ours", {"addresses": ["ours@example.com"], "followEmail": False})
    path = "/api/orgs/fabrikam/records/contact/ours"
    assert service.call("GET", path, key="local-fabrikam").status_code == 404
    assert service.call("PUT", path, {"name": "theirs"}, key="local-contoso").status_code == 404
    service.call("PUT", path, {"name": "theirs"}, key="local-fabrikam")
    assert get(service, "contact/ours").json()["name"] is None
    checked = service.call(
        "POST",
        "/api/orgs/fabrikam/follow-check",
        {"to": [{"address": "ours@example.com"}]},
        key="local-fabrikam",
    ).json()
    assert checked["reasons"][0]["code"] == "noRecord"


@pytest.mark.processes
def test_twenty_writes_of_one_record_at_once_leave_one_of_them_whole(
    service: RunningService,
) -> None:
    bodies = [{"name": f"{n}", "addresses": [f"once-{n}@example.com"]} for n in range(20)]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda body: put(service, "contact/once", body), bodies))
    assert {answer.status_code for answer in answers} == {200}
    last = get(service, "contact/once").json()
    assert last["addresses"] == [f"once-{last['name']}@example.com"]
    reachable = [n for n in range(20) if preference(service, f"once-{n}@example.com")[0]]
    assert reachable == [int(last["name"])]


@pytest.mark.processes
def test_a_record_is_given_whole_or_not_at_all(service: RunningService) -> None:
    assert put(service, "contact/c-1", None, content=b"[]").status_code == 400
    assert put(service, "contact/c-1", None, content=b" " * 65_537).status_code == 413
    assert service.call("PUT", "records/contact/c-1?x=1", {}).status_code == 422
    assert service.call("DELETE", "records/contact/c-1").status_code == 404


LI = RecordRef("contact", "c-1")
AS_LEAD = RecordRef("lead", "c-1")


async def found(organization: Organization, address: str) -> list[RecordRef]:
    return [record.ref for record in await records_with_address(organization, address)]


async def test_the_look_up_by_address_follows_every_change(contoso: Organization) -> None:
    await store_record(contoso, Record(LI, addresses=("a@example.com", "b@example.com")))
    assert await found(contoso, "a@example.com") == [LI]
    await store_record(contoso, Record(LI, addresses=("b@example.com", "c@example.com")))
    assert await found(contoso, "a@example.com") == []
    assert await found(contoso, "B@EXAMPLE.com") == [LI]
    assert await found(contoso, "c@example.com") == [LI]
    await store_record(contoso, Record(AS_LEAD, addresses=("c@example.com",)))
    assert await found(contoso, "c@example.com") == [LI, AS_LEAD]
    await store_record(contoso, Record(LI))
    assert await found(contoso, "b@example.com") == []
    assert await found(contoso, "c@example.com") == [AS_LEAD]
    assert await load_record(contoso, LI) == Record(LI)


async def test_addresses_that_look_alike_are_not_taken_for_each_other(
    contoso: Organization, fabrikam: Organization
) -> None:
    """Beginnings, separators and escapes of the keys they are kept under."""
    addresses = ["a@example.com", "a@example.co", "a@example.com.br", "a~a@example.com", "~@e.com"]
    for number, address in enumerate(addresses):
        ref = RecordRef("contact", f"~{number}~")
        await store_record(contoso, Record(ref, addresses=(address,)))
    for number, address in enumerate(addresses):
        assert await found(contoso, address) == [RecordRef("contact", f"~{number}~")]
        assert await found(fabrikam, address) == []


async def test_the_longest_record_there_can_be_is_kept(contoso: Organization) -> None:
    ref = RecordRef("T" + "x" * 63, "𝕏" * 200)
    addresses = tuple(f"{n:02d}{'é' * 50}@{'x' * 60}.{'y' * 60}.{'z' * 60}.com" for n in range(20))
    record = Record(
        ref, "N" * 256, addresses, "1" * 64, {"city": "𝕏" * 256}, "Asia/Shanghai", False
    )
    await store_record(contoso, record)
    assert await load_record(contoso, ref) == record
    assert await found(contoso, addresses[7]) == [ref]
