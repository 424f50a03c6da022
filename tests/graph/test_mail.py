"""Mail through the SDK, against the local Graph: drafts, look-ups by key, sending."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.graph.client import GraphTenant, close_graph_clients, graph_client
from shared.graph.errors import NotFound, Refused
from shared.graph.mail import Draft, FoundMessage, Mail
from tests.running_graph import RunningGraph

ANA = "ana@contoso.com"

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


def draft(send_key: str = "m-1~c-1", **changes: Any) -> Draft:
    values: dict[str, Any] = {
        "subject": "Offer",
        "body": "<p>Hello</p>",
        "is_html": True,
        "to": (("li@example.com", "Li Wei"),),
        "send_key": send_key,
    }
    return Draft(**values | changes)


def received(graph: RunningGraph, address: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{graph.address}/_local/mailboxes/{address}/messages")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def sent(mail: Mail, key: str) -> FoundMessage:
    """The message with that key, once it is in Sent Items."""
    async with asyncio.timeout(10):
        while (found := await mail.find_by_send_key(ANA, key))[0].is_draft:
            await asyncio.sleep(0.02)
    return found[0]


async def test_a_draft_is_found_by_its_key_and_sent_once(graph: RunningGraph, mail: Mail) -> None:
    made = await mail.create_draft(
        ANA,
        draft(
            cc=(("cc@example.com", ""),),
            bcc=(("hidden@example.com", "H"),),
        ),
    )
    assert made.is_draft
    assert made.sent_at is None
    assert made.conversation_id
    assert made.created_at is not None
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=1)
    assert await mail.find_by_send_key(ANA, "m-1~c-1") == [made]
    assert await mail.find_by_send_key(ANA, "m-1~c-2") == []

    await mail.send_draft(ANA, made.id)
    after = await sent(mail, "m-1~c-1")
    assert (after.id, after.internet_message_id) == (made.id, made.internet_message_id)
    assert after.sent_at is not None
    for address in ("li@example.com", "cc@example.com", "hidden@example.com"):
        (copy,) = received(graph, address)
        assert copy["html"] == "<p>Hello</p>"
        assert copy["headers"]["From"] == "Ana <ana@contoso.com>"
        assert "hidden" not in str(copy["headers"])

    with pytest.raises(NotFound) as again:
        await mail.send_draft(ANA, made.id)
    assert not again.value.mailbox_unknown
    assert len(received(graph, "li@example.com")) == 1


async def test_keys_are_taken_literally(mail: Mail) -> None:
    keys = ["it's", "' or 1 eq 1 or '", "a&b=c#d%27", "é ✓", "a+b c/d?"]
    made = {key: await mail.create_draft(ANA, draft(key)) for key in keys}
    for key, message in made.items():
        assert await mail.find_by_send_key(ANA, key) == [message]


async def test_several_drafts_of_one_key_come_oldest_first_on_every_look(mail: Mail) -> None:
    made = [await mail.create_draft(ANA, draft("twice")) for _ in range(52)]
    found = await mail.find_by_send_key(ANA, "twice")
    assert sorted(m.id for m in found) == sorted(m.id for m in made)
    assert found == sorted(found, key=lambda m: (m.created_at, m.id))
    assert found == await mail.find_by_send_key(ANA, "twice")


async def test_a_text_message_is_sent_as_text(graph: RunningGraph, mail: Mail) -> None:
    made = await mail.create_draft(ANA, draft("t", body="<b>not HTML</b>", is_html=False))
    await mail.send_draft(ANA, made.id)
    await sent(mail, "t")
    (copy,) = received(graph, "li@example.com")
    assert (copy["html"], copy["text"]) == (None, "<b>not HTML</b>")


async def test_deleting_what_is_gone_is_fine_but_not_in_an_unknown_mailbox(mail: Mail) -> None:
    made = await mail.create_draft(ANA, draft())
    await mail.delete_message(ANA, made.id)
    await mail.delete_message(ANA, made.id)
    assert await mail.find_by_send_key(ANA, "m-1~c-1") == []
    with pytest.raises(NotFound) as unknown:
        await mail.delete_message("nobody@example.com", made.id)
    assert unknown.value.mailbox_unknown
    assert unknown.value.code == "ErrorInvalidUser"


async def test_what_graph_refuses_says_why_and_names_nobody(mail: Mail) -> None:
    made = await mail.create_draft(ANA, draft(to=(("not an address", ""),)))
    with pytest.raises(Refused) as refused:
        await mail.send_draft(ANA, made.id)
    error = refused.value
    assert (error.status, error.code) == (400, "ErrorInvalidRecipients")
    assert "not an address" in error.message
    assert "not an address" not in str(error)


async def test_one_client_serves_a_tenant_and_each_tenant_has_its_own(
    mail: Mail, tenant: GraphTenant
) -> None:
    first, second = await asyncio.gather(graph_client(tenant), graph_client(tenant))
    assert first is second is await graph_client(GraphTenant(**vars(tenant)))
    other = GraphTenant("22222222-2222-2222-2222-222222222222", tenant.local_address)
    assert await graph_client(other) is not first
    await asyncio.gather(*(mail.create_draft(ANA, draft(str(n))) for n in range(8)))
    assert await graph_client(tenant) is first


async def test_the_client_of_azure_hands_its_token_to_graph_alone() -> None:
    client = await graph_client(GraphTenant("11111111-1111-1111-1111-111111111111"))
    adapter: Any = client.request_adapter
    assert adapter.base_url == "https://graph.microsoft.com/v1.0"
    provider = adapter._authentication_provider.access_token_provider
    allowed = provider.get_allowed_hosts_validator()
    assert allowed.is_url_host_valid("https://graph.microsoft.com/v1.0/users")
    assert not allowed.is_url_host_valid("https://outlook.office.com/upload")
    assert provider._scopes == ["https://graph.microsoft.com/.default"]
    await close_graph_clients()
