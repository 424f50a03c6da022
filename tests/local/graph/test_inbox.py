"""What came into a mailbox, by time and by delta."""

from __future__ import annotations

from typing import Any

import httpx

from tests.local.graph.mail import ANA, received, refused, sent
from tests.local.graph.test_faults import plan

DELTA = "/v1.0/users/ana@contoso.com/mailFolders/inbox/messages/delta"


def replies(http: httpx.Client, count: int) -> None:
    sent(http)
    (item, *_) = received(http, "li@example.com")
    for number in range(count):
        body = {"messageId": item["id"], "text": f"Reply {number}", "kind": "reply"}
        http.post("/_local/mailboxes/li@example.com/reply", json=body).raise_for_status()


def pages(http: httpx.Client, address: str, **options: Any) -> list[dict[str, Any]]:
    """Every page of a list or a round of delta, following its links."""
    found = [http.get(address, **options).json()]
    while link := found[-1].get("@odata.nextLink"):
        found.append(http.get(link, headers=options.get("headers")).json())
    return found


def test_messages_of_all_folders_come_by_the_time_they_were_received(http: httpx.Client) -> None:
    replies(http, 3)
    since = received(http, "ana@contoso.com")[0]["receivedAt"]
    options = {
        "$filter": f"receivedDateTime ge {since}",
        "$orderby": "receivedDateTime",
        "$select": "subject,receivedDateTime,internetMessageHeaders",
        "$top": "2",
    }
    found = pages(http, ANA, params=options)
    items = [item for page in found for item in page["value"]]
    assert len(found) == 2
    assert [item["subject"] for item in items if item["subject"] != "Offer"] == ["Re: Offer"] * 3
    times = [item["receivedDateTime"] for item in items]
    assert times == sorted(times)
    later = options | {"$filter": "receivedDateTime ge 2199-01-01T00:00:00+03:00"}
    assert http.get(ANA, params=later).json()["value"] == []
    refused(
        http.get(ANA, params=options | {"$filter": "receivedDateTime ge yesterday"}),
        400,
        "BadRequest",
    )


def test_delta_comes_in_pages_and_then_tells_only_what_is_new(http: httpx.Client) -> None:
    replies(http, 3)
    prefer = {"Prefer": "odata.maxpagesize=2"}
    first = pages(http, DELTA, params={"$select": "subject,receivedDateTime"}, headers=prefer)
    assert [len(page["value"]) for page in first] == [2, 1]
    link = first[-1]["@odata.deltaLink"]
    assert http.get(link).json()["value"] == []
    replies(http, 1)
    (page,) = pages(http, link, headers=prefer)
    assert set(page["value"][0]) == {"@odata.etag", "id", "subject", "receivedDateTime"}
    assert len(page["value"]) == 1
    options = {"$filter": "receivedDateTime ge 2199-01-01T00:00:00Z"}
    (page,) = pages(http, f"{DELTA}()", params=options)
    assert page["value"] == []


def test_a_delta_can_expire_repeat_itself_and_be_of_somebody_else(http: httpx.Client) -> None:
    replies(http, 1)
    plan(http, {"kind": "status", "status": 410, "code": "SyncStateNotFound", "path": "delta"})
    refused(http.get(DELTA), 410, "SyncStateNotFound")
    plan(http, {"kind": "repeatItems", "path": "delta"})
    page = http.get(DELTA).json()
    assert len(page["value"]) == 2
    assert page["value"][0] == page["value"][1]
    link = page["@odata.deltaLink"].replace("ana@", "bruno@")
    refused(http.get(link), 400, "ErrorInvalidSyncStateData")
    refused(http.get(DELTA, params={"$top": "5"}), 400, "ErrorInvalidUrlQuery")


def test_a_mailbox_s_settings_name_its_zone_as_outlook_does(http: httpx.Client) -> None:
    path = "/v1.0/users/Bruno@contoso.com/mailboxSettings"
    told = http.get(path).json()
    assert told["timeZone"] == "Pacific Standard Time"
    assert told["@odata.context"].endswith("/$metadata#users('bruno@contoso.com')/mailboxSettings")
    refused(http.get(path, params={"$top": "1"}), 400, "RequestBroker--ParseUri")
    nobody = http.get("/v1.0/users/nobody@contoso.com/mailboxSettings")
    refused(nobody, 404, "ErrorInvalidUser")
    refused(http.patch(path, json={"timeZone": "UTC"}), 405, "BadRequest")
