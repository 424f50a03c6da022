"""Files that travel with a message, small and large, and what a later attempt finds of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.graph.attachments import PIECE_BYTES, SMALLEST_LARGE_FILE, Attached, Attachment
from shared.graph.errors import Ambiguous, GraphError, NotFound, Refused, Throttled
from shared.graph.mail import Draft, FoundMessage, Mail
from tests.graph.sources import Reading, content
from tests.running_graph import RunningGraph

ANA = "ana@contoso.com"
LARGE = 2 * PIECE_BYTES + 12_345

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


def plan(graph: RunningGraph, **fault: Any) -> None:
    httpx.post(f"{graph.address}/_local/faults", json={"faults": [fault]}).raise_for_status()


async def a_draft(mail: Mail) -> FoundMessage:
    return await mail.create_draft(
        ANA, Draft("Offer", "<p>Hello</p>", True, (("li@example.com", ""),), "key")
    )


def pdf(reading: Reading, name: str = "Ängebot, “final”.pdf") -> Attachment:
    return Attachment(name, "application/pdf", reading.source)


def summary(found: list[Attached]) -> list[tuple[str, int]]:
    return [(one.name, one.size) for one in found]


async def stored(graph: RunningGraph, draft: FoundMessage, attached: Attached) -> bytes:
    page = f"{graph.address}/mailboxes/{ANA}/messages/{draft.id}/attachments/{attached.id}"
    return httpx.get(page).content


@pytest.mark.parametrize(
    "size", [0, 1, SMALLEST_LARGE_FILE - 1, SMALLEST_LARGE_FILE, PIECE_BYTES, LARGE]
)
async def test_a_file_of_any_size_is_attached_whole(
    graph: RunningGraph, mail: Mail, size: int
) -> None:
    draft = await a_draft(mail)
    await mail.add_attachment(ANA, draft.id, pdf(Reading(size)))
    (attached,) = await mail.attachments_of(ANA, draft.id)
    assert (attached.name, attached.size) == ("Ängebot, “final”.pdf", size)
    assert not attached.is_inline
    assert attached.content_id is None
    assert await stored(graph, draft, attached) == content(0, size)


@pytest.mark.parametrize("size", [500, LARGE])
async def test_an_inline_image_keeps_its_content_id(mail: Mail, size: int) -> None:
    draft = await a_draft(mail)
    image = Attachment("logo.png", "image/png", Reading(size).source, "logo@m-1", is_inline=True)
    await mail.add_attachment(ANA, draft.id, image)
    (attached,) = await mail.attachments_of(ANA, draft.id)
    assert (attached.content_id, attached.is_inline) == ("logo@m-1", True)


async def test_several_files_are_listed_in_their_order(mail: Mail) -> None:
    draft = await a_draft(mail)
    assert await mail.attachments_of(ANA, draft.id) == []
    for number, size in enumerate((10, LARGE, 30)):
        await mail.add_attachment(ANA, draft.id, pdf(Reading(size), f"{number}.pdf"))
    found = await mail.attachments_of(ANA, draft.id)
    assert summary(found) == [("0.pdf", 10), ("1.pdf", LARGE), ("2.pdf", 30)]


@pytest.mark.parametrize("kind", ["dropBefore", "dropAfterDone", "gatewayTimeoutAfterDone"])
@pytest.mark.parametrize("piece", [0, 1])
async def test_a_piece_without_an_answer_is_cleared_up_at_once(
    graph: RunningGraph, mail: Mail, kind: str, piece: int
) -> None:
    draft = await a_draft(mail)
    plan(graph, kind=kind, path="attachmentSessions", method="PUT", after=piece)
    await mail.add_attachment(ANA, draft.id, pdf(Reading(LARGE)))
    (attached,) = await mail.attachments_of(ANA, draft.id)
    assert await stored(graph, draft, attached) == content(0, LARGE)


@pytest.mark.parametrize("kind", ["dropAfterDone", "gatewayTimeoutAfterDone", "expireSession"])
async def test_what_became_of_the_last_piece_is_seen_in_the_list(
    graph: RunningGraph, mail: Mail, kind: str
) -> None:
    draft = await a_draft(mail)
    plan(graph, kind=kind, path="attachmentSessions", method="PUT", after=2)
    with pytest.raises(Ambiguous):
        await mail.add_attachment(ANA, draft.id, pdf(Reading(LARGE)))
    there = 0 if kind == "expireSession" else 1
    assert len(await mail.attachments_of(ANA, draft.id)) == there


@pytest.mark.parametrize("kind", ["dropAfterDone", "gatewayTimeoutAfterDone"])
async def test_a_small_file_without_an_answer_is_seen_in_the_list(
    graph: RunningGraph, mail: Mail, kind: str
) -> None:
    draft = await a_draft(mail)
    plan(graph, kind=kind, path="/attachments", method="POST")
    with pytest.raises(Ambiguous):
        await mail.add_attachment(ANA, draft.id, pdf(Reading(500)))
    assert len(await mail.attachments_of(ANA, draft.id)) == 1


@pytest.mark.parametrize("where", ["small", "createUploadSession", "attachmentSessions"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "throttle", "retryAfter": 17}, Throttled),
        ({"kind": "unavailable"}, Throttled),
        ({"kind": "status", "status": 403, "code": "ErrorAccessDenied"}, Refused),
    ],
)
async def test_what_is_definite_is_told_and_nothing_is_attached(
    graph: RunningGraph, mail: Mail, where: str, fault: dict[str, Any], error: type[GraphError]
) -> None:
    draft = await a_draft(mail)
    path = "/attachments" if where == "small" else where
    plan(graph, path=path, **fault)
    with pytest.raises(error):
        await mail.add_attachment(ANA, draft.id, pdf(Reading(500 if where == "small" else LARGE)))
    assert await mail.attachments_of(ANA, draft.id) == []


async def test_a_sent_message_takes_no_files_and_an_unknown_one_has_none(
    graph: RunningGraph, mail: Mail
) -> None:
    with pytest.raises(NotFound) as unknown:
        await mail.add_attachment(ANA, "nothing", pdf(Reading(500)))
    assert not unknown.value.mailbox_unknown
    with pytest.raises(NotFound):
        await mail.attachments_of(ANA, "nothing")


async def test_the_files_reach_the_recipient(graph: RunningGraph, mail: Mail) -> None:
    draft = await a_draft(mail)
    for number, size in enumerate((500, LARGE)):
        await mail.add_attachment(ANA, draft.id, pdf(Reading(size), f"{number}.pdf"))
    await mail.send_draft(ANA, draft.id)
    address = f"{graph.address}/_local/mailboxes/li@example.com/messages"
    while not (items := httpx.get(address).json()["items"]):
        pass
    assert [(a["name"], a["size"]) for a in items[0]["attachments"]] == [
        ("0.pdf", 500),
        ("1.pdf", LARGE),
    ]
