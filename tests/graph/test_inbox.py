"""Reading what arrived, and subscribing to it, through the SDK against the local Graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import httpx
import pytest

from shared.graph.client import GraphTenant, close_graph_clients
from shared.graph.errors import NotFound, Refused, Throttled
from shared.graph.inbox import PAGE_SIZE, DeltaPage, Inbox
from shared.graph.subscriptions import LIFE, Subscriptions
from tests.local.graph.mail import received, sent
from tests.local.graph.receiver import Receiver, receiver
from tests.local.graph.test_faults import plan
from tests.running_graph import RunningGraph

ANA = "ana@contoso.com"

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


@pytest.fixture
def http(graph: RunningGraph) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=graph.address, timeout=10) as client:
        yield client


@pytest.fixture
async def inbox(tenant: GraphTenant) -> AsyncIterator[Inbox]:
    yield Inbox(tenant)
    await close_graph_clients()


@pytest.fixture
async def subscriptions(tenant: GraphTenant) -> AsyncIterator[Subscriptions]:
    yield Subscriptions(tenant)
    await close_graph_clients()


@pytest.fixture
def subscriber() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def replies(http: httpx.Client, count: int) -> list[str]:
    """Replies of Li to Ana; answers their ids."""
    sent(http)
    (item, *_) = received(http, "li@example.com")
    body = {"messageId": item["id"], "text": "Yes", "kind": "reply"}
    path = "/_local/mailboxes/li@example.com/reply"
    return [str(http.post(path, json=body).json()["id"]) for _ in range(count)]


async def test_a_received_message_comes_with_its_headers_its_body_and_its_mime(
    http: httpx.Client, inbox: Inbox
) -> None:
    (item,) = replies(http, 1)
    mail = await inbox.one(ANA, item)
    assert (mail.id, mail.subject, mail.is_draft) == (item, "Re: Offer", False)
    assert mail.from_ == mail.sender == ("li@example.com", "Li Wei")
    assert mail.to == ((ANA, "Ana"),)
    assert dict(mail.headers)["Message-ID"] == mail.internet_message_id
    assert mail.body.is_html
    assert "Yes" in mail.body.content
    assert abs(datetime.now(UTC) - mail.received_at) < timedelta(minutes=1)
    parsed = message_from_bytes(await inbox.mime(ANA, item))
    assert parsed["Message-ID"] == mail.internet_message_id
    with pytest.raises(NotFound):
        await inbox.one(ANA, "nobody knows it")


async def test_everything_since_an_instant_comes_by_pages_oldest_first(
    http: httpx.Client, inbox: Inbox
) -> None:
    items = replies(http, PAGE_SIZE + 1)
    since = datetime.now(UTC) - timedelta(minutes=5)
    pages = [page async for page in inbox.received_since(ANA, since)]
    assert [len(page) for page in pages] == [PAGE_SIZE, 2]
    arrivals = [arrival for page in pages for arrival in page]
    assert {arrival.id for arrival in arrivals} >= set(items)
    times = [arrival.received_at for arrival in arrivals]
    assert times == sorted(times)
    assert (ANA, "Ana") in {arrival.from_ for arrival in arrivals}
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert [page async for page in inbox.received_since(ANA, later)] == [[]]


async def test_a_delta_goes_on_from_its_link_and_says_when_that_is_forgotten(
    http: httpx.Client, inbox: Inbox
) -> None:
    items = replies(http, PAGE_SIZE + 1)
    first = await inbox.delta(ANA, datetime.now(UTC) - timedelta(minutes=5))
    assert first.next_link
    second = await inbox.delta_on(ANA, first.next_link)
    assert [mail.id for mail in first.arrivals + second.arrivals] == items
    assert second.delta_link
    (item,) = replies(http, 1)
    later: DeltaPage = await inbox.delta_on(ANA, second.delta_link)
    assert [mail.id for mail in later.arrivals] == [item]
    gone = {"kind": "status", "status": 410, "code": "SyncStateNotFound", "path": "delta"}
    http.post("/_local/faults", json={"faults": [gone]}).raise_for_status()
    with pytest.raises(Refused) as refused:
        await inbox.delta_on(ANA, second.delta_link)
    assert refused.value.status == 410


async def test_a_subscription_is_made_renewed_and_removed(
    http: httpx.Client, subscriptions: Subscriptions, subscriber: Receiver
) -> None:
    now = datetime.now(UTC)
    made = await subscriptions.create(ANA, subscriber.address(), "secret", now)
    assert subscriber.shaken == ["/news", "/news"]
    assert abs(made.expires_at - (now + LIFE)) < timedelta(seconds=2)
    (item,) = replies(http, 1)
    news = subscriber.told(3)[-1]
    assert (news["resourceData"]["id"], news["clientState"]) == (item, "secret")
    renewed = await subscriptions.renew(made.id, now + timedelta(minutes=20))
    assert (renewed.id, renewed.expires_at - made.expires_at) == (made.id, timedelta(minutes=20))
    for _ in range(2):
        await subscriptions.remove(made.id)
    with pytest.raises(NotFound):
        await subscriptions.renew(made.id, now)


async def test_a_subscription_that_cannot_be_made_says_why(
    http: httpx.Client, subscriptions: Subscriptions, subscriber: Receiver
) -> None:
    now = datetime.now(UTC)
    with pytest.raises(NotFound) as nobody:
        await subscriptions.create("nobody@contoso.com", subscriber.address(), "secret", now)
    assert nobody.value.mailbox_unknown
    subscriber.proves = False
    with pytest.raises(Refused) as unproven:
        await subscriptions.create(ANA, subscriber.address(), "secret", now)
    assert unproven.value.code == "ValidationError"
    http.post("/_local/faults", json={"faults": [{"kind": "throttle", "retryAfter": 7}]})
    with pytest.raises(Throttled) as throttled:
        await subscriptions.create(ANA, subscriber.address(), "secret", now)
    assert throttled.value.retry_after == 7


async def test_a_mailbox_says_the_zone_its_owner_chose(inbox: Inbox) -> None:
    assert await inbox.time_zone(ANA) == "E. South America Standard Time"
    assert await inbox.time_zone("carla@contoso.com") == "Europe/Madrid"
    with pytest.raises(NotFound) as unknown:
        await inbox.time_zone("nobody@contoso.com")
    assert unknown.value.mailbox_unknown


async def test_a_zone_that_may_not_be_read_is_refused(http: httpx.Client, inbox: Inbox) -> None:
    plan(
        http,
        {"kind": "status", "path": "/mailboxSettings", "status": 403, "code": "ErrorAccessDenied"},
    )
    with pytest.raises(Refused) as refused:
        await inbox.time_zone(ANA)
    assert refused.value.code == "ErrorAccessDenied"
