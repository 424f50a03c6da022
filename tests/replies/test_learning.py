"""From Graph's word, or silence, to a mail that is taken in: against a real local Graph."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.graph.client import GraphTenant, close_graph_clients
from shared.graph.inbox import Inbox, ReceivedMail
from shared.graph.subscriptions import Subscriptions
from shared.organizations import Organization, OrganizationSettings
from shared.replies.mailboxes import find_watched, watch
from shared.replies.notifications import ClientStates, News, mailbox_key, read_news
from shared.replies.pace import Pace
from shared.replies.watcher import Watcher
from shared.replies.watching import hear, keep
from tests.local.graph.mail import received, sent
from tests.local.graph.receiver import Receiver, receiver
from tests.running_graph import RunningGraph, running_graph

ANA = "ana@contoso.com"
STATES = ClientStates({"k1": b"k" * 32})

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


class Clock:
    """The real time and more: the local Graph's clock cannot be moved, ours can."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Office:
    """A watched mailbox of Ana's, and what was taken in for it."""

    def __init__(
        self, organization: Organization, graph: GraphTenant, http: httpx.Client, address: str
    ) -> None:
        self.organization = organization
        self.graph = graph
        self.http = http
        self.address = address
        self.clock = Clock()
        self.taken: list[str] = []
        self.broken: set[str] = set()

    async def take_in(
        self, organization: Organization, inbox: Inbox, mailbox: str, mail: ReceivedMail
    ) -> None:
        assert (organization.id, mailbox) == (self.organization.id, ANA)
        if mail.id in self.broken:
            raise ValueError("this mail breaks whoever reads it")
        self.taken.append(mail.id)

    async def watcher(self) -> Watcher:
        settings = await self.organization.settings()
        return Watcher(
            organization=self.organization,
            settings=settings,
            subscriptions=Subscriptions(self.graph),
            inbox=Inbox(self.graph),
            states=STATES,
            pace=Pace(self.organization.tables, self.clock),
            address=self.address,
            owner=uuid.uuid4().hex,
            look_every=timedelta(minutes=5),
            clock=self.clock,
            take_in=self.take_in,
        )

    async def run(self) -> None:
        await keep(await self.watcher())

    async def hear(self, news: News) -> None:
        await hear(await self.watcher(), news)

    def reply(self) -> str:
        """Li replies to a mail of Ana's; answers the reply's id in her mailbox."""
        if not received(self.http, "li@example.com"):
            sent(self.http)
        (item, *_) = received(self.http, "li@example.com")
        answer = self.http.post(
            "/_local/mailboxes/li@example.com/reply",
            json={"messageId": item["id"], "text": "Yes", "kind": "reply"},
        )
        return str(answer.json()["id"])

    def faults(self, *faults: dict[str, object]) -> None:
        self.http.post("/_local/faults", json={"faults": faults}).raise_for_status()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    with running_graph(tmp_path_factory.mktemp("graph") / "graph.db", move_after=0) as running:
        yield running


@pytest.fixture
def subscriber() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
async def office(
    contoso: Organization, graph: RunningGraph, subscriber: Receiver
) -> AsyncIterator[Office]:
    with httpx.Client(base_url=graph.address, timeout=10) as http:
        http.delete("/_local")
        tenant = GraphTenant("1111", graph.base_url, timeout_seconds=5)
        made = Office(contoso, tenant, http, subscriber.address())
        await watch(contoso, ANA, made.clock())
        for _ in range(2):
            await made.run()
        yield made
    await close_graph_clients()


async def test_a_notification_leads_to_the_mail_and_own_mail_is_none(
    office: Office, subscriber: Receiver
) -> None:
    reply = office.reply()
    news, ignored = read_news({"value": subscriber.told(3)}, STATES)
    assert (len(news), ignored) == (2, 0)
    for one in news:
        await office.hear(one)
    assert office.taken == [reply]


async def test_a_lost_notification_is_made_up_for_by_the_next_look(office: Office) -> None:
    office.faults({"kind": "loseNotification", "times": 3})
    reply = office.reply()
    await office.run()
    assert office.taken == [], "it was looked at a moment ago"
    office.clock.ahead = timedelta(minutes=5)
    await office.run()
    assert office.taken == [reply]
    office.clock.ahead = timedelta(minutes=15)
    await office.run()
    assert office.taken == [reply], "it is not read for ever"


async def test_missed_news_are_looked_for_at_once_and_one_bad_mail_stops_no_other(
    office: Office,
) -> None:
    bad, good = office.reply(), office.reply()
    office.broken = {bad}
    await office.hear(News("contoso", mailbox_key(ANA), event="missed"))
    assert office.taken == [good]


@pytest.mark.parametrize(("status", "others_come"), [(400, True), (403, False)])
async def test_one_mail_that_graph_refuses_stops_no_other_and_a_refused_mailbox_is_waited_for(
    office: Office, status: int, others_come: bool
) -> None:
    refused, good = office.reply(), office.reply()
    office.faults({"kind": "status", "status": status, "code": "ErrorX", "path": refused})
    missed = News("contoso", mailbox_key(ANA), event="missed")
    await office.hear(missed)
    assert office.taken == ([good] if others_come else [])
    office.clock.ahead += timedelta(minutes=1)
    await office.hear(missed)
    assert good in office.taken


async def test_a_removed_subscription_is_made_anew_and_nothing_is_missed(
    office: Office, subscriber: Receiver
) -> None:
    path = f"/_local/mailboxes/{ANA}/lifecycle"
    office.http.post(path, json={"event": "subscriptionRemoved"})
    (news,), _ = read_news({"value": subscriber.told(1)}, STATES)
    reply = office.reply()
    await office.hear(news)
    assert office.taken == [reply]
    found = await find_watched(office.organization, mailbox_key(ANA))
    assert found is not None
    answer = office.http.get(f"/v1.0/subscriptions/{found.mailbox.subscription}")
    assert answer.status_code == 200


async def test_a_mail_that_is_gone_again_is_nothing(office: Office) -> None:
    await office.hear(News("contoso", mailbox_key(ANA), message="AAkAgone="))
    assert office.taken == []


async def test_what_came_while_engagement_was_off_is_not_read_f6(office: Office) -> None:
    reply = office.reply()
    later = office.clock() + timedelta(minutes=1)

    def off_and_on(before: OrganizationSettings) -> OrganizationSettings:
        return before.with_engagement(False, later - timedelta(hours=1)).with_engagement(
            True, later
        )

    await office.organization.change_settings(off_and_on)
    await office.hear(News("contoso", mailbox_key(ANA), message=reply))
    assert office.taken == []


async def test_graph_is_waited_for_as_it_asks(office: Office) -> None:
    office.clock.ahead = timedelta(minutes=5)
    office.faults({"kind": "throttle", "retryAfter": 90, "path": "receivedDateTime"})
    reply = office.reply()
    for _ in range(2):
        await office.run()
    assert office.taken == []
    office.clock.ahead += timedelta(seconds=91)
    await office.run()
    assert office.taken == [reply]


async def test_without_a_subscription_the_mailbox_is_looked_into_and_the_row_says_why(
    office: Office, subscriber: Receiver
) -> None:
    office.clock.ahead = timedelta(minutes=5)
    path = f"/_local/mailboxes/{ANA}/lifecycle"
    office.http.post(path, json={"event": "subscriptionRemoved"})
    (news,), _ = read_news({"value": subscriber.told(1)}, STATES)
    subscriber.proves = False
    reply = office.reply()
    await office.hear(news)
    assert office.taken == [reply]
    found = await find_watched(office.organization, mailbox_key(ANA))
    assert found is not None
    assert (found.mailbox.subscription, found.mailbox.failures) == (None, 1)
    assert found.mailbox.problem == "ValidationError"
