"""Upload sessions of a drive, with the rules that OneDrive has."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.local.graph.drive import UNIT, files, open_upload, opened, put_piece, stored
from tests.local.graph.mail import refused
from tests.local.graph.test_faults import plan

CONTENT = bytes(range(251)) * 4000


def expected(http: httpx.Client, address: str) -> list[str]:
    ranges: list[str] = http.get(address).json()["nextExpectedRanges"]
    return ranges


def test_a_file_arrives_in_pieces(http: httpx.Client) -> None:
    address, total = opened(http, "m/big.bin"), len(CONTENT)
    assert expected(http, address) == ["0-"]
    more = put_piece(http, address, CONTENT[:UNIT], 0, total)
    assert (more.status_code, more.json()["nextExpectedRanges"]) == (202, [f"{UNIT}-"])
    assert files(http) == []
    assert expected(http, address) == [f"{UNIT}-{total - 1}"]
    more = put_piece(http, address, CONTENT[UNIT : 3 * UNIT], UNIT, total)
    assert (more.status_code, more.json()["nextExpectedRanges"]) == (202, [f"{3 * UNIT}-"])
    done = put_piece(http, address, CONTENT[3 * UNIT :], 3 * UNIT, total)
    assert (done.status_code, done.json()["size"]) == (201, total)
    assert http.get(done.json()["@microsoft.graph.downloadUrl"]).content == CONTENT
    assert stored(http, "same.bin", CONTENT)["file"]["hashes"] == done.json()["file"]["hashes"]
    refused(http.get(address), 404, "itemNotFound")


def test_pieces_that_do_not_fit_are_refused_and_change_nothing(http: httpx.Client) -> None:
    address, total = opened(http, "big.bin"), 10 * UNIT
    piece = b"x" * UNIT
    put_piece(http, address, piece, 0, total)
    assert "overlaps" in refused(put_piece(http, address, piece, 0, total), 416, "invalidRange")
    late = put_piece(http, address, piece, 2 * UNIT, total)
    assert "out of order" in refused(late, 416, "invalidRange")
    refused(put_piece(http, address, b"x" * 1000, UNIT, total), 400, "invalidRequest")
    refused(put_piece(http, address, piece, UNIT, total + 1), 400, "invalidRequest")
    refused(put_piece(http, address, piece * 10, UNIT, total), 400, "invalidRequest")
    for said in ("", "bytes 327680-327680/3276800", "bytes 655359-327680/3276800", "bytes */9"):
        answer = http.put(address, content=piece, headers={"Content-Range": said})
        refused(answer, 400, "invalidRequest")
    assert expected(http, address) == [f"{UNIT}-{total - 1}"]


def test_a_piece_of_60_mib_is_too_large(http: httpx.Client) -> None:
    address, piece = opened(http, "big.bin"), b"x" * (60 * 1024 * 1024)
    refused(put_piece(http, address, piece, 0, 2 * len(piece)), 413, "requestTooLarge")
    assert expected(http, address) == ["0-"]


def test_an_upload_address_takes_no_token_and_no_other_address_works(http: httpx.Client) -> None:
    address = opened(http, "big.bin")
    leaked = http.get(address, headers={"Authorization": "Bearer secret"})
    refused(leaked, 401, "unauthenticated")
    refused(http.get(address[:-1]), 401, "unauthenticated")
    assert http.delete(address).status_code == 204
    refused(http.get(address), 404, "itemNotFound")
    refused(http.delete(address), 404, "itemNotFound")


def test_a_name_taken_meanwhile_refuses_the_last_piece_and_keeps_the_session(
    http: httpx.Client,
) -> None:
    address = opened(http, "m/offer.pdf")
    stored(http, "m/offer.pdf", b"somebody was faster")
    answer = put_piece(http, address, b"x" * 1000, 0, 1000)
    refused(answer, 409, "nameAlreadyExists")
    assert expected(http, address) == []
    assert [f["size"] for f in files(http)] == [19]
    refused(open_upload(http, "m/offer.pdf"), 409, "nameAlreadyExists")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"item": {"@microsoft.graph.conflictBehavior": "replace"}}, 501, "NotImplemented"),
        ({"item": {"@microsoft.graph.conflictBehavior": "ask"}}, 400, "RequestBodyRead"),
        ({"item": {"conflictBehavior": "fail"}}, 400, "RequestBodyRead"),
        ({"deferCommit": True}, 501, "NotImplemented"),
        ({"deferCommit": "no"}, 400, "RequestBodyRead"),
        ({"size": 5}, 400, "RequestBodyRead"),
        (
            {"item": {"@microsoft.graph.conflictBehavior": "fail", "name": "other"}},
            400,
            "invalidRequest",
        ),
    ],
)
def test_a_session_that_would_not_be_opened_is_refused(
    http: httpx.Client, changes: dict[str, Any], status: int, code: str
) -> None:
    refused(open_upload(http, "big.bin", **changes), status, code)


def test_a_session_expires_on_demand(http: httpx.Client) -> None:
    address = opened(http, "big.bin")
    plan(http, {"kind": "expireSession", "path": "uploadSession", "method": "PUT"})
    refused(put_piece(http, address, CONTENT, 0, len(CONTENT)), 404, "itemNotFound")
    refused(http.get(address), 404, "itemNotFound")


def test_a_piece_may_be_kept_in_part(http: httpx.Client) -> None:
    address, total = opened(http, "big.bin"), 20 * UNIT
    plan(http, {"kind": "partialCommit", "path": "uploadSession"})
    some = put_piece(http, address, b"x" * 5 * UNIT, 0, total)
    assert (some.status_code, some.json()["nextExpectedRanges"]) == (202, [f"{2 * UNIT}-"])
    plan(http, {"kind": "dropMidway", "path": "uploadSession"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        put_piece(http, address, b"x" * 5 * UNIT, 2 * UNIT, total)
    assert expected(http, address) == [f"{4 * UNIT}-{total - 1}"]


@pytest.mark.parametrize("kind", ["gatewayTimeoutAfterDone", "dropAfterDone"])
def test_the_last_piece_may_be_done_without_an_answer(http: httpx.Client, kind: str) -> None:
    address = opened(http, "big.bin")
    plan(http, {"kind": kind, "path": "uploadSession"})
    try:
        assert put_piece(http, address, CONTENT, 0, len(CONTENT)).status_code == 504
    except (httpx.RemoteProtocolError, httpx.ReadError):
        assert kind == "dropAfterDone"
    refused(http.get(address), 404, "itemNotFound")
    assert [f["size"] for f in files(http)] == [len(CONTENT)]


def test_a_full_drive_keeps_nothing(http: httpx.Client) -> None:
    address = opened(http, "big.bin")
    plan(http, {"kind": "quota", "path": "uploadSession"})
    answer = put_piece(http, address, CONTENT, 0, len(CONTENT))
    refused(answer, 507, "quotaLimitReached")
    assert files(http) == []


def test_requests_to_an_upload_address_are_counted_without_its_secret(http: httpx.Client) -> None:
    address = opened(http, "big.bin")
    http.get(address)
    log = http.get("/_local/requests").json()["items"]
    assert log[-1]["path"].endswith("/uploadSession")
    assert "tempauth" not in str(log)
