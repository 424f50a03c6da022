"""Answers in a thread, through the SDK: found by internet message id, made, changed, sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from shared.graph.errors import Ambiguous, NotFound
from shared.graph.mail import Body, Draft, FoundMessage, Mail
from tests.running_graph import RunningGraph

ANA, BRUNO = "ana@contoso.com", "bruno@contoso.com"

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


def draft(key: str, body: str = "<p>Hello</p>", **changes: Any) -> Draft:
    values: dict[str, Any] = {
        "subject": "Offer",
        "body": body,
        "is_html": True,
        "to": ((BRUNO, "Bruno"),),
        "send_key": key,
    }
    return Draft(**values | changes)


async def inbox(graph: RunningGraph, address: str, count: int) -> list[dict[str, Any]]:
    """What the address received, once it is so many."""
    async with asyncio.timeout(10):
        while True:
            answer = httpx.get(f"{graph.address}/_local/mailboxes/{address}/messages")
            items: list[dict[str, Any]] = answer.json()["items"]
            if len(items) == count:
                return items
            await asyncio.sleep(0.02)


async def at_bruno(graph: RunningGraph, mail: Mail, **changes: Any) -> FoundMessage:
    """A message of Ana's as Bruno has it."""
    made = await mail.create_draft(ANA, draft("original", **changes))
    await mail.send_draft(ANA, made.id)
    await inbox(graph, BRUNO, 1)
    assert made.internet_message_id is not None
    (copy,) = await mail.find_by_internet_message_id(BRUNO, made.internet_message_id)
    return copy


async def test_a_message_is_found_by_its_internet_message_id(
    graph: RunningGraph, mail: Mail
) -> None:
    copy = await at_bruno(graph, mail)
    assert not copy.is_draft
    assert copy.internet_message_id is not None
    (own,) = await mail.find_by_internet_message_id(ANA, copy.internet_message_id)
    assert own.id != copy.id
    assert await mail.find_by_internet_message_id(BRUNO, "<it's@nobody>") == []


async def test_an_answer_is_in_the_thread_of_both_and_says_what_was_meant(
    graph: RunningGraph, mail: Mail
) -> None:
    original = await at_bruno(graph, mail)
    reply = await mail.create_reply(BRUNO, original.id, "answer")
    assert reply.is_draft
    assert reply.conversation_id == original.conversation_id
    assert await mail.find_by_send_key(BRUNO, "answer") == [reply]
    quoted = await mail.body_of(BRUNO, reply.id)
    assert quoted.is_html
    assert quoted.content.endswith("<p>Hello</p>")
    assert "From:" in quoted.content

    changed = await mail.update_draft(
        BRUNO,
        reply.id,
        draft("answer", f"<p>Thanks</p>{quoted.content}", subject="RE: Offer", to=((ANA, "Ana"),)),
    )
    assert changed == reply
    await mail.send_draft(BRUNO, reply.id)
    (answer,) = await inbox(graph, ANA, 1)
    assert answer["subject"] == "RE: Offer"
    assert answer["html"] == f"<p>Thanks</p>{quoted.content}"
    assert answer["headers"]["In-Reply-To"] == original.internet_message_id
    assert answer["headers"]["References"] == original.internet_message_id


async def test_a_body_is_read_as_what_it_is(mail: Mail) -> None:
    for is_html in (True, False):
        made = await mail.create_draft(ANA, draft(f"k-{is_html}", "<b>x</b>", is_html=is_html))
        assert await mail.body_of(ANA, made.id) == Body("<b>x</b>", is_html)
    with pytest.raises(NotFound):
        await mail.body_of(ANA, "nothing")


@pytest.mark.parametrize(
    ("kind", "made"),
    [("dropBefore", 0), ("dropAfterDone", 1), ("gatewayTimeoutAfterDone", 1)],
)
async def test_an_unclear_answer_leaves_no_draft_that_the_key_does_not_find(
    graph: RunningGraph, mail: Mail, kind: str, made: int
) -> None:
    original = await at_bruno(graph, mail)
    fault = {"kind": kind, "path": "/createReply"}
    httpx.post(f"{graph.address}/_local/faults", json={"faults": [fault]}).raise_for_status()
    with pytest.raises(Ambiguous):
        await mail.create_reply(BRUNO, original.id, "answer")
    assert len(await mail.find_by_send_key(BRUNO, "answer")) == made


async def test_only_a_draft_can_be_changed_and_only_a_message_answered(
    graph: RunningGraph, mail: Mail
) -> None:
    with pytest.raises(NotFound) as unknown:
        await mail.create_reply(BRUNO, "nothing", "answer")
    assert not unknown.value.mailbox_unknown
    with pytest.raises(NotFound):
        await mail.update_draft(BRUNO, "nothing", draft("answer"))


async def test_a_draft_can_be_changed_before_it_is_sent(graph: RunningGraph, mail: Mail) -> None:
    made = await mail.create_draft(ANA, draft("key"))
    people = {"to": (("li@example.com", '李, "Wei"'),), "cc": (), "bcc": ((BRUNO, ""),)}
    await mail.update_draft(
        ANA, made.id, draft("key", "Bonjour 👋", is_html=False, subject="見積り", **people)
    )
    await mail.send_draft(ANA, made.id)
    (copy,) = await inbox(graph, "li@example.com", 1)
    assert (copy["subject"], copy["html"], copy["text"]) == ("見積り", None, "Bonjour 👋")
    assert len(await inbox(graph, BRUNO, 1)) == 1
