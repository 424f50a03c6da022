"""Faults on demand, as a client of Graph meets them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.local.graph.mail import ANA, created, draft, received, refused, shown, until
from tests.running_graph import RunningGraph


def plan(http: httpx.Client, *faults: dict[str, Any]) -> None:
    answer = http.post("/_local/faults", json={"faults": list(faults)})
    assert answer.status_code == 200, answer.text


def drafts(http: httpx.Client) -> int:
    return len(http.get(ANA).json()["value"])


def test_throttling_says_how_long_and_ends(http: httpx.Client) -> None:
    plan(http, {"kind": "throttle", "method": "post", "times": 2, "retryAfter": 7})
    for _ in range(2):
        answer = http.post(ANA, json=draft())
        refused(answer, 429, "ApplicationThrottled")
        assert answer.headers["retry-after"] == "7"
    assert drafts(http) == 0
    assert http.post(ANA, json=draft()).status_code == 201


def test_unavailable_has_done_nothing(http: httpx.Client) -> None:
    plan(http, {"kind": "unavailable"})
    answer = http.post(ANA, json=draft())
    refused(answer, 503, "ServiceUnavailable")
    assert "retry-after" not in answer.headers
    assert drafts(http) == 0


def test_a_gateway_times_out_after_the_work_was_done(http: httpx.Client) -> None:
    plan(http, {"kind": "gatewayTimeoutAfterDone"})
    answer = http.post(ANA, json=draft())
    assert (answer.status_code, answer.headers["content-type"][:9]) == (504, "text/html")
    assert drafts(http) == 1


@pytest.mark.parametrize(("kind", "made"), [("dropBefore", 0), ("dropAfterDone", 1)])
def test_a_dropped_connection_answers_nothing(http: httpx.Client, kind: str, made: int) -> None:
    plan(http, {"kind": kind, "method": "POST"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        http.post(ANA, json=draft())
    assert drafts(http) == made
    assert http.get("/_local/requests").json()["items"][0]["status"] is None


def test_a_slow_answer_is_an_answer(http: httpx.Client) -> None:
    plan(http, {"kind": "delay", "seconds": 0.4})
    with pytest.raises(httpx.ReadTimeout):
        http.get(ANA, timeout=0.1)
    assert http.get(ANA).status_code == 200


def test_any_status_can_be_had(http: httpx.Client) -> None:
    plan(http, {"kind": "status", "status": 403, "code": "ErrorAccessDenied"})
    refused(http.get(ANA), 403, "ErrorAccessDenied")


def test_a_fault_waits_for_its_turn_and_for_what_it_matches(http: httpx.Client) -> None:
    item = created(http)["id"]
    plan(
        http,
        {"kind": "unavailable", "path": "/send", "after": 1},
        {"kind": "throttle", "path": r"messages/[^/]+$", "method": "PATCH"},
    )
    refused(http.post(f"{ANA}/nothing/send"), 404, "ErrorItemNotFound")
    assert http.get("/_local/faults").json()["faults"] == [
        {"kind": "unavailable", "path": "/send", "after": 0, "times": 1},
        {
            "kind": "throttle",
            "path": r"messages/[^/]+$",
            "method": "PATCH",
            "after": 0,
            "times": 1,
        },
    ]
    assert http.get(f"{ANA}/{item}").status_code == 200
    refused(http.post(f"{ANA}/{item}/send"), 503, "ServiceUnavailable")
    refused(http.patch(f"{ANA}/{item}", json={}), 429, "ApplicationThrottled")
    assert http.get("/_local/faults").json() == {"faults": []}


def test_the_immutable_id_can_change_on_sending(http: httpx.Client) -> None:
    plan(http, {"kind": "newIdOnSend", "path": "/send"})
    message = created(http)
    assert http.post(f"{ANA}/{message['id']}/send").status_code == 202
    until(lambda: len(received(http, "li@example.com")) == 1)
    refused(http.get(f"{ANA}/{message['id']}"), 404, "ErrorItemNotFound")
    (moved,) = http.get(ANA).json()["value"]
    assert moved["internetMessageId"] == message["internetMessageId"]


def test_sent_items_can_be_late(http: httpx.Client) -> None:
    plan(http, {"kind": "lateSentItems", "path": "/send", "seconds": 0.5})
    item = created(http)["id"]
    assert http.post(f"{ANA}/{item}/send").status_code == 202
    assert shown(http, item)["isDraft"] is True
    until(lambda: not shown(http, item)["isDraft"])


def test_the_plan_and_the_log_survive_a_kill(graph: RunningGraph, http: httpx.Client) -> None:
    item = created(http)["id"]
    plan(http, {"kind": "throttle"})
    graph.restart()
    refused(http.get(f"{ANA}/{item}"), 429, "ApplicationThrottled")
    log = http.get("/_local/requests").json()
    assert log["count"] == 2
    assert [(r["method"], r["path"], r["status"]) for r in log["items"]] == [
        ("POST", ANA, 201),
        ("GET", f"{ANA}/{item}", 429),
    ]


def test_only_graph_itself_fails(http: httpx.Client) -> None:
    plan(http, {"kind": "throttle", "times": 9})
    assert http.get("/_local/requests").status_code == 200
    assert http.get("/").status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"faults": [{"kind": "explode"}]}, "faults/0/kind"),
        ({"faults": [{"kind": "throttle", "often": 2}]}, "faults/0/often"),
        ({"faults": [{"kind": "throttle", "times": 0}]}, "faults/0/times"),
        ({"faults": [{"kind": "throttle", "path": "("}]}, "not a regular expression"),
        ({"faults": {}}, "faults"),
        ([], "body"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_a_sentence(
    http: httpx.Client, body: Any, said: str
) -> None:
    answer = http.post("/_local/faults", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert http.post("/_local/faults", content=b"{").status_code == 400
