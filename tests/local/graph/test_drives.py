"""Drives: small files in one request, looking them up, deleting them."""

from __future__ import annotations

import httpx
import pytest

from shared.graph.quickxor import QuickXor
from tests.local.graph.drive import drive, files, opened, put, put_piece, stored
from tests.local.graph.mail import refused
from tests.running_graph import RunningGraph


def test_every_seller_has_a_drive_of_its_own(http: httpx.Client) -> None:
    found = http.get("/v1.0/users/Ana@Contoso.com/drive").json()
    assert found["driveType"] == "business"
    assert found["id"] == http.get("/v1.0/users/ana@contoso.com/drive").json()["id"]
    assert found["id"] != http.get("/v1.0/users/bruno@contoso.com/drive").json()["id"]
    refused(http.get("/v1.0/users/li@example.com/drive"), 404, "ResourceNotFound")
    refused(http.get("/v1.0/drives/b!nobody/items/x"), 404, "itemNotFound")


def test_a_small_file_is_put_and_found_by_id_and_by_path(http: httpx.Client) -> None:
    content = b"the offer"
    item = stored(http, "Sent/m-1/Ängebot & Preis.pdf", content)
    hasher = QuickXor()
    hasher.update(content)
    assert (item["name"], item["size"]) == ("Ängebot & Preis.pdf", len(content))
    assert item["file"] == {
        "mimeType": "application/pdf",
        "hashes": {"quickXorHash": hasher.text()},
    }
    assert item["parentReference"]["path"].endswith("/root:/Sent/m-1")
    address = f"{drive(http)}/items/{item['id']}"
    by_id = http.get(address).json()
    by_path = http.get(f"{drive(http)}/root:/sent/M-1/ängebot & preis.pdf").json()
    assert by_id["id"] == by_path["id"] == item["id"]
    assert http.get(by_id["@microsoft.graph.downloadUrl"]).content == content
    assert [(f["path"], f["size"]) for f in files(http)] == [
        ("Sent/m-1/Ängebot & Preis.pdf", len(content))
    ]
    assert files(http, "bruno@contoso.com") == []


def test_a_taken_name_stays_with_its_file(http: httpx.Client) -> None:
    item = stored(http, "a/b.txt", b"first")
    refused(put(http, "A/B.TXT", b"second"), 409, "nameAlreadyExists")
    refused(put(http, "a", b"third"), 409, "nameAlreadyExists")
    refused(put(http, "a/b.txt/c.txt", b"fourth"), 400, "invalidRequest")
    assert http.get(item["@microsoft.graph.downloadUrl"]).content == b"first"
    assert len(files(http)) == 1
    refused(put(http, "c.txt", b"x", conflict="replace"), 501, "NotImplemented")


def test_an_empty_file_is_a_file(http: httpx.Client) -> None:
    item = stored(http, "empty.bin", b"")
    assert item["file"]["hashes"]["quickXorHash"] == "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert http.get(item["@microsoft.graph.downloadUrl"]).content == b""


def test_what_is_deleted_is_gone_and_a_folder_goes_with_all_in_it(
    graph: RunningGraph, http: httpx.Client
) -> None:
    first, second = (stored(http, f"m/a-{n}/f.txt", b"x") for n in (1, 2))
    kept = stored(http, "mm/f.txt", b"kept")
    address = f"{drive(http)}/items/"
    assert http.delete(address + first["id"]).status_code == 204
    refused(http.delete(address + first["id"]), 404, "itemNotFound")
    refused(http.get(address + first["id"]), 404, "itemNotFound")
    assert http.get(first["@microsoft.graph.downloadUrl"]).status_code == 404
    folder = http.get(address + second["parentReference"]["id"]).json()
    assert "folder" in folder
    assert http.delete(address + folder["parentReference"]["id"]).status_code == 204
    assert [f["path"] for f in files(http)] == ["mm/f.txt"]
    assert http.get(kept["@microsoft.graph.downloadUrl"]).content == b"kept"
    assert len(on_disk(graph)) == 1


@pytest.mark.parametrize(
    "path",
    [
        'a"b.txt',
        "a*b.txt",
        "a|b.txt",
        "a%3Fb.txt",
        " a.txt",
        "folder./a.txt",
        "a//b.txt",
        "CON/a.txt",
        "a_vti_b.txt",
        "~$a.docx",
        "x" * 256 + ".txt",
        "folder/" * 60 + "a.txt",
    ],
)
def test_names_that_onedrive_forbids_are_refused(http: httpx.Client, path: str) -> None:
    refused(put(http, path, b"x"), 400, "invalidRequest")
    assert files(http) == []


def test_options_that_are_not_served_are_refused(http: httpx.Client) -> None:
    item = stored(http, "a.txt", b"x")
    address = f"{drive(http)}/items/{item['id']}"
    refused(http.get(address, params={"$expand": "children"}), 400, "RequestBroker--ParseUri")
    refused(http.get(f"{address}/versions"), 400, "BadRequest")


def test_files_survive_a_kill_and_what_nobody_knows_is_swept(
    graph: RunningGraph, http: httpx.Client
) -> None:
    item = stored(http, "a.txt", b"kept")
    address = opened(http, "b.bin")
    put_piece(http, address, b"x" * 327_680, 0, 400_000)
    stray = graph.database.with_name(graph.database.name + "-files") / "stray"
    stray.write_bytes(b"left by a killed process")
    graph.restart()
    assert not stray.exists()
    assert http.get(item["@microsoft.graph.downloadUrl"]).content == b"kept"
    assert http.get(address).json()["nextExpectedRanges"] == ["327680-399999"]
    http.delete("/_local")
    assert on_disk(graph) == []
    assert files(http) == []


def on_disk(graph: RunningGraph) -> list[str]:
    folder = graph.database.with_name(graph.database.name + "-files")
    return [file.name for file in folder.iterdir()] if folder.exists() else []
