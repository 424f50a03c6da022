"""Files in OneDrive through the SDK and plain httpx, against the local Graph with its faults."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.graph.client import GraphTenant, close_graph_clients, plain_client
from shared.graph.drive import LARGEST_SMALL_FILE, Drive
from shared.graph.drive_items import PIECE_BYTES, DriveItem
from shared.graph.errors import (
    Ambiguous,
    GraphError,
    LinksForbidden,
    NameTaken,
    NotDone,
    NotFound,
    OutOfSpace,
    Refused,
    Throttled,
)
from tests.graph.sources import Reading, content
from tests.running_graph import RunningGraph

ANA = "ana@contoso.com"
PATH = "Followed files/m-1/a-1/Ängebot & Preis (100 %).pdf"
LARGE = 3 * PIECE_BYTES + 12_345

# The SDK warns about itself while it is imported.
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]


class Office:
    """Ana's drive, and the upload address as somebody would keep it."""

    def __init__(self, graph: RunningGraph, drive: Drive, drive_id: str) -> None:
        self.graph = graph
        self.drive = drive
        self.id = drive_id
        self.kept: list[str] = []

    async def upload(self, reading: Reading, path: str = PATH) -> DriveItem:
        return await self.drive.upload(
            self.id,
            path,
            reading.source,
            session=self.kept[-1] if self.kept else None,
            keep_session=self.keep,
        )

    async def keep(self, address: str) -> None:
        self.kept.append(address)

    def plan(self, *faults: dict[str, Any]) -> None:
        answer = httpx.post(f"{self.graph.address}/_local/faults", json={"faults": list(faults)})
        answer.raise_for_status()

    def files(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.graph.address}/_local/drives/{ANA}/files")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def requests(self) -> list[tuple[str, int | None]]:
        log = httpx.get(f"{self.graph.address}/_local/requests").json()["items"]
        return [(r["method"], r["status"]) for r in log]

    def assert_there_once(self, reading: Reading) -> None:
        (file,) = self.files()
        assert (file["path"], file["size"]) == (PATH, reading.size)
        assert file["quickXorHash"] == reading.hash


@pytest.fixture
async def office(graph: RunningGraph, tenant: GraphTenant) -> AsyncIterator[Office]:
    drive = Drive(tenant)
    yield Office(graph, drive, await drive.drive_of(ANA))
    await close_graph_clients()


def in_session(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "path": "/_api/", "method": "PUT"} | more


async def test_a_mailbox_without_a_drive_has_none(office: Office) -> None:
    with pytest.raises(NotFound) as unknown:
        await office.drive.drive_of("li@example.com")
    assert unknown.value.mailbox_unknown


@pytest.mark.parametrize("size", [0, 1, LARGEST_SMALL_FILE])
async def test_a_small_file_goes_in_one_request(office: Office, size: int) -> None:
    reading = Reading(size)
    item = await office.upload(reading)
    assert (item.size, item.quick_xor_hash) == (size, reading.hash)
    assert item.folder_id is not None
    office.assert_there_once(reading)
    assert office.kept == []
    assert office.requests() == [("GET", 200), ("PUT", 201)]
    assert await office.drive.find(office.id, PATH) == item


async def test_a_large_file_goes_in_pieces_and_its_session_is_kept_before_the_first(
    office: Office,
) -> None:
    kept_at_first_read: list[int] = []

    async def note(number: int) -> None:
        kept_at_first_read.append(len(office.kept))

    reading = Reading(LARGE, note)
    item = await office.upload(reading)
    office.assert_there_once(reading)
    assert await office.drive.find(office.id, PATH) == item
    assert set(kept_at_first_read) == {1}
    assert reading.asked == [
        (0, PIECE_BYTES),
        (PIECE_BYTES, PIECE_BYTES),
        (2 * PIECE_BYTES, PIECE_BYTES),
        (3 * PIECE_BYTES, 12_345),
    ]


async def test_20_mb_are_uploaded_with_every_byte_in_its_place(office: Office) -> None:
    reading = Reading(20_000_000)
    item = await office.upload(reading)
    office.assert_there_once(reading)
    address = await office.drive.download_url(office.id, item.id)
    middle = httpx.get(address, headers={"Range": "bytes=9999990-10000009"})
    assert middle.content == content(9_999_990, 20)


async def test_whoever_died_in_the_middle_goes_on_there(office: Office) -> None:
    class Died(BaseException):
        pass

    async def die(number: int) -> None:
        if number == 2:
            raise Died

    with pytest.raises(Died):
        await office.upload(Reading(LARGE, die))
    assert office.files() == []
    successor = Reading(LARGE)
    await office.upload(successor)
    assert successor.asked[0] == (2 * PIECE_BYTES, PIECE_BYTES)
    assert len(office.kept) == 1
    office.assert_there_once(successor)


@pytest.mark.parametrize("kind", ["dropBefore", "dropAfterDone", "gatewayTimeoutAfterDone"])
@pytest.mark.parametrize("piece", [0, 1, 3])
async def test_a_piece_without_an_answer_is_cleared_up_at_once(
    office: Office, kind: str, piece: int
) -> None:
    office.plan(in_session(kind, after=piece))
    reading = Reading(LARGE)
    await office.upload(reading)
    office.assert_there_once(reading)
    assert len(office.kept) == 1


@pytest.mark.parametrize("kind", ["partialCommit", "dropMidway"])
async def test_a_piece_kept_in_part_goes_on_after_that_part(office: Office, kind: str) -> None:
    office.plan(in_session(kind, after=1))
    reading = Reading(LARGE)
    await office.upload(reading)
    office.assert_there_once(reading)
    assert reading.asked[2] == (PIECE_BYTES + PIECE_BYTES // 2, PIECE_BYTES)


async def test_a_part_that_is_there_already_is_not_sent_again(office: Office) -> None:
    """Two workers with one session: whoever is behind is told 416 and goes on from there."""

    async def somebody_else(number: int) -> None:
        if number == 1:
            for at in (PIECE_BYTES, 2 * PIECE_BYTES):
                said = f"bytes {at}-{at + PIECE_BYTES - 1}/{LARGE}"
                httpx.put(
                    office.kept[0],
                    content=content(at, PIECE_BYTES),
                    headers={"Content-Range": said},
                ).raise_for_status()

    reading = Reading(LARGE, somebody_else)
    await office.upload(reading)
    office.assert_there_once(reading)
    assert reading.asked[1:] == [(PIECE_BYTES, PIECE_BYTES), (3 * PIECE_BYTES, 12_345)]


async def test_an_expired_session_is_replaced_by_a_new_one(office: Office) -> None:
    office.plan(in_session("expireSession", after=2))
    reading = Reading(LARGE)
    await office.upload(reading)
    office.assert_there_once(reading)
    assert len(office.kept) == 2


@pytest.mark.parametrize("status", [401, 404, 410])
async def test_a_kept_session_that_works_no_more_is_replaced(office: Office, status: int) -> None:
    await office.drive.upload(
        office.id, "other.bin", Reading(LARGE).source, keep_session=office.keep
    )
    office.plan({"kind": "status", "status": status, "path": "/_api/", "method": "GET"})
    await office.upload(Reading(LARGE))
    assert [file["path"] for file in office.files()] == ["other.bin", PATH]
    assert len(office.kept) == 2


async def test_sessions_that_always_vanish_end_the_attempt(office: Office) -> None:
    office.plan(in_session("expireSession", times=99))
    with pytest.raises(Ambiguous):
        await office.upload(Reading(LARGE))
    assert len(office.kept) == 3


@pytest.mark.parametrize("size", [1000, LARGE])
async def test_a_file_that_is_there_is_adopted_and_not_doubled(office: Office, size: int) -> None:
    first = await office.upload(Reading(size))
    office.kept.clear()
    assert await office.upload(Reading(size)) == first
    office.assert_there_once(Reading(size))


async def test_a_file_finished_unheard_is_adopted_from_its_kept_session(office: Office) -> None:
    first = await office.upload(Reading(LARGE))
    assert len(office.kept) == 1
    again = Reading(LARGE)
    assert await office.upload(again) == first
    assert len(office.kept) == 1


async def test_a_name_taken_while_uploading_is_adopted_if_it_is_the_same_file(
    office: Office,
) -> None:
    twin = Office(office.graph, office.drive, office.id)

    async def be_overtaken(number: int) -> None:
        if number == 3:
            await twin.upload(Reading(LARGE))

    item = await office.upload(Reading(LARGE, be_overtaken))
    assert item == await office.drive.find(office.id, PATH)
    office.assert_there_once(Reading(LARGE))
    # Its session has every byte and will never be a file.
    again = await office.upload(Reading(LARGE))
    assert again == item


@pytest.mark.parametrize("size", [1000, LARGE])
@pytest.mark.parametrize("there", ["another size", "another content"])
async def test_another_file_of_that_name_is_no_file_of_ours(
    office: Office, size: int, there: str
) -> None:
    wrong = content(0, size)[:-1] + (b"" if there == "another size" else b"\xff")
    address = f"{office.graph.base_url}/drives/{office.id}/items/root:/{PATH.replace('%', '%25')}"
    answer = httpx.put(f"{address}:/content?@microsoft.graph.conflictBehavior=fail", content=wrong)
    answer.raise_for_status()
    with pytest.raises(NameTaken) as taken:
        await office.upload(Reading(size))
    assert (taken.value.status, taken.value.code) == (409, "nameAlreadyExists")
    assert "Ängebot" not in str(taken.value)
    assert [file["size"] for file in office.files()] == [len(wrong)]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "throttle", "retryAfter": 17}, Throttled),
        ({"kind": "status", "status": 429}, Throttled),
        ({"kind": "unavailable"}, Throttled),
        ({"kind": "quota"}, OutOfSpace),
        ({"kind": "status", "status": 403, "code": "accessDenied"}, Refused),
    ],
)
@pytest.mark.parametrize("where", ["small", "open", "piece"])
async def test_what_is_definite_is_told_and_the_next_attempt_goes_on(
    office: Office, fault: dict[str, Any], error: type[GraphError], where: str
) -> None:
    size = 1000 if where == "small" else LARGE
    path = {"small": ":/content", "open": ":/createUploadSession", "piece": "/_api/"}[where]
    office.plan(fault | {"path": path, "after": 1 if where == "piece" else 0})
    with pytest.raises(error) as caught:
        await office.upload(Reading(size))
    assert type(caught.value) is error
    if isinstance(caught.value, NotDone):
        assert caught.value.retry_after == fault.get("retryAfter")
    assert office.files() == []
    reading = Reading(size)
    await office.upload(reading)
    office.assert_there_once(reading)
    if where == "piece":
        assert reading.asked[0][0] == PIECE_BYTES


@pytest.mark.parametrize("kind", ["dropBefore", "dropAfterDone", "gatewayTimeoutAfterDone"])
@pytest.mark.parametrize("size", [1000, LARGE])
async def test_the_first_request_without_an_answer_may_be_repeated(
    office: Office, kind: str, size: int
) -> None:
    office.plan({"kind": kind, "path": ":/c"})
    with pytest.raises(Ambiguous):
        await office.upload(Reading(size))
    await office.upload(Reading(size))
    office.assert_there_once(Reading(size))


async def test_pieces_carry_no_token_of_ours(office: Office) -> None:
    plain = await plain_client(office.drive.graph)
    assert plain.auth is None
    assert "authorization" not in plain.headers
    # The local Graph refuses an upload address that is given one; see its own tests.
    await office.upload(Reading(LARGE))


async def test_a_link_is_made_once_and_leads_to_the_file_until_it_expires(office: Office) -> None:
    item = await office.upload(Reading(1000))
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    link = await office.drive.create_link(office.id, item.id, expires_at=expires_at)
    assert link.expires_at == expires_at
    assert httpx.get(link.url).content == content(0, 1000)
    again = await office.drive.create_link(office.id, item.id, expires_at=None)
    assert again == link
    await office.drive.delete_item(office.id, item.id)
    assert httpx.get(link.url).status_code == 404
    with pytest.raises(NotFound):
        await office.drive.create_link(office.id, item.id, expires_at=None)


async def test_a_link_takes_no_instant_without_its_zone(office: Office) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await office.drive.create_link(office.id, "x", expires_at=datetime(2100, 1, 1))  # noqa: DTZ001
    assert ("POST", 400) not in office.requests()


async def test_where_links_are_forbidden_the_file_is_still_there_to_download(
    office: Office,
) -> None:
    item = await office.upload(Reading(1000))
    office.plan({"kind": "linksForbidden", "path": "/createLink"})
    with pytest.raises(LinksForbidden) as forbidden:
        await office.drive.create_link(office.id, item.id, expires_at=None)
    assert forbidden.value.code == "accessDenied"
    address = await office.drive.download_url(office.id, item.id)
    assert httpx.get(address).content == content(0, 1000)


@pytest.mark.parametrize("kind", ["dropAfterDone", "gatewayTimeoutAfterDone"])
async def test_an_unclear_link_is_found_by_asking_again(office: Office, kind: str) -> None:
    item = await office.upload(Reading(1000))
    office.plan({"kind": kind, "path": "/createLink"})
    with pytest.raises(Ambiguous):
        await office.drive.create_link(office.id, item.id, expires_at=None)
    link = await office.drive.create_link(office.id, item.id, expires_at=None)
    assert [shown["url"] for shown in office.files()[0]["links"]] == [link.url]


async def test_deleting_what_is_gone_is_fine(office: Office) -> None:
    item = await office.upload(Reading(1000))
    await office.drive.delete_item(office.id, item.id)
    await office.drive.delete_item(office.id, item.id)
    assert await office.drive.find(office.id, PATH) is None
    with pytest.raises(NotFound):
        await office.drive.download_url(office.id, item.id)


async def test_an_upload_is_given_up_with_what_it_held(office: Office) -> None:
    office.plan(in_session("unavailable", after=1))
    with contextlib.suppress(Throttled):
        await office.upload(Reading(LARGE))
    await office.drive.forget_upload(office.kept[0])
    await office.drive.forget_upload(office.kept[0])
    folder = office.graph.database.with_name(office.graph.database.name + "-files")
    assert list(folder.iterdir()) == []


async def test_the_folder_of_a_file_can_go_with_it(office: Office) -> None:
    item = await office.upload(Reading(1000))
    assert item.folder_id is not None
    await office.drive.delete_item(office.id, item.folder_id)
    assert office.files() == []
