"""Each way in which Graph fails, and what the caller is told about it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.graph.client import GraphTenant, close_graph_clients
from shared.graph.errors import (
    LONGEST_TOLD_S,
    Ambiguous,
    GraphError,
    NotDone,
    NotFound,
    OutOfSpace,
    Refused,
    Throttled,
    Unreachable,
    patience,
    retry_after,
)
from shared.graph.mail import Draft, Mail
from tests.running_graph import RunningGraph

ANA = "ana@contoso.com"
DRAFT = Draft("Secret subject", "Secret body", False, (("li@example.com", ""),), "key")

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


def plan(graph: RunningGraph, **fault: Any) -> None:
    httpx.post(f"{graph.address}/_local/faults", json={"faults": [fault]}).raise_for_status()


def requests(graph: RunningGraph) -> int:
    count: int = httpx.get(f"{graph.address}/_local/requests").json()["count"]
    return count


@pytest.mark.parametrize(
    ("fault", "expected", "done"),
    [
        ({"kind": "throttle", "retryAfter": 17}, Throttled, 0),
        ({"kind": "unavailable"}, Throttled, 0),
        ({"kind": "gatewayTimeoutAfterDone"}, Ambiguous, 1),
        ({"kind": "dropBefore"}, Ambiguous, 0),
        ({"kind": "dropAfterDone"}, Ambiguous, 1),
        ({"kind": "delay", "seconds": 1.0}, Ambiguous, None),
        ({"kind": "status", "status": 500}, Ambiguous, 0),
        ({"kind": "status", "status": 502}, Ambiguous, 0),
        ({"kind": "status", "status": 509}, Throttled, 0),
        ({"kind": "status", "status": 507, "code": "ErrorQuotaExceeded"}, OutOfSpace, 0),
        ({"kind": "status", "status": 401, "code": "InvalidAuthenticationToken"}, Refused, 0),
        ({"kind": "status", "status": 403, "code": "ErrorAccessDenied"}, Refused, 0),
        ({"kind": "status", "status": 404, "code": "MailboxNotEnabledForRESTAPI"}, NotFound, 0),
    ],
)
async def test_each_fault_has_its_error_is_not_retried_and_tells_nothing(
    graph: RunningGraph,
    tenant: GraphTenant,
    mail: Mail,
    fault: dict[str, Any],
    expected: type[GraphError],
    done: int | None,
) -> None:
    impatient = Mail(GraphTenant(tenant.tenant, tenant.local_address, timeout_seconds=0.5))
    assert await impatient.find_by_send_key(ANA, "key") == []
    plan(graph, method="POST", **fault)
    with pytest.raises(expected) as caught:
        await impatient.create_draft(ANA, DRAFT)
    assert requests(graph) == 2
    assert "secret" not in str(caught.value).lower()
    assert "example.com" not in str(caught.value)
    assert caught.value.__cause__ is not None
    if done is not None:
        assert len(await mail.find_by_send_key(ANA, "key")) == done


@pytest.mark.parametrize("kind", ["gatewayTimeoutAfterDone", "dropAfterDone"])
async def test_after_an_unclear_sending_the_key_tells_that_it_was_sent(
    graph: RunningGraph, mail: Mail, kind: str
) -> None:
    made = await mail.create_draft(ANA, DRAFT)
    plan(graph, kind=kind, path="/send")
    with pytest.raises(Ambiguous):
        await mail.send_draft(ANA, made.id)
    while (await mail.find_by_send_key(ANA, "key"))[0].is_draft:
        pass
    received = f"{graph.address}/_local/mailboxes/li@example.com/messages"
    assert len(httpx.get(received).json()["items"]) == 1


async def test_the_wait_that_graph_asks_for_is_handed_on(graph: RunningGraph, mail: Mail) -> None:
    plan(graph, kind="throttle", retryAfter=17)
    with pytest.raises(NotDone) as throttled:
        await mail.find_by_send_key(ANA, "key")
    assert throttled.value.retry_after == 17
    plan(graph, kind="unavailable")
    with pytest.raises(NotDone) as unavailable:
        await mail.find_by_send_key(ANA, "key")
    assert unavailable.value.retry_after is None


async def test_only_throttling_is_said_to_be_throttling(
    graph: RunningGraph, mail: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    """An alert is on that line."""
    for kind, lines in (("unavailable", 0), ("throttle", 1)):
        plan(graph, kind=kind)
        with pytest.raises(NotDone):
            await mail.find_by_send_key(ANA, "key")
        assert caplog.text.count("Graph throttles us") == lines


def test_nobody_waits_longer_than_a_day_because_a_gateway_says_so() -> None:
    assert patience(NotDone("", 1e12), 0, 10, 600) == LONGEST_TOLD_S
    assert NotDone("", 1e30).retry_after == LONGEST_TOLD_S, "for whoever waits by it"
    assert patience(NotDone("", 7), 5, 10, 600) == 7


async def test_an_answer_that_trickles_for_ever_has_an_end() -> None:
    """No byte is late; the whole of it is."""
    ended = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx-never-ends: ")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        ended.set()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        tenant = GraphTenant("t", f"http://127.0.0.1:{port}/v1.0", timeout_seconds=0.3)
        with pytest.raises(Ambiguous):
            await Mail(tenant).find_by_send_key(ANA, "key")
        await close_graph_clients()
        await ended.wait()


async def test_a_refused_connection_is_definite(mail: Mail) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1.0"
        calls: list[Callable[[Mail], Awaitable[object]]] = [
            lambda away: away.find_by_send_key(ANA, "key"),
            lambda away: away.create_draft(ANA, DRAFT),
            lambda away: away.send_draft(ANA, "id"),
            lambda away: away.delete_message(ANA, "id"),
        ]
        for call in calls:
            with pytest.raises(Unreachable) as caught:
                await call(Mail(GraphTenant("t", address)))
            assert isinstance(caught.value, NotDone)


async def test_an_answer_that_cannot_be_read_may_still_mean_done(mail: Mail) -> None:
    page = b"<html>Welcome to the hotel's network</html>"
    with socket.create_server(("127.0.0.1", 0)) as portal:
        portal.setblocking(False)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(page), page)
            )
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, sock=portal):
            address = f"http://127.0.0.1:{portal.getsockname()[1]}/v1.0"
            with pytest.raises(Ambiguous):
                await Mail(GraphTenant("t", address)).create_draft(ANA, DRAFT)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"Retry-After": "-3"}, 0),
        (
            {
                "Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT",
                "Date": "Mon, 23 Nov 2026 10:00:00 GMT",
            },
            30,
        ),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@given(st.text(), st.text())
def test_no_retry_after_is_too_strange(text: str, date: str) -> None:
    wait = retry_after({"Retry-After": text, "Date": date})
    assert wait is None or wait >= 0
