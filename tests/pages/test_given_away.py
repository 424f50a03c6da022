"""On the page of a message: managers give it to another seller, who tries again to send it (S2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from shared.messages.rows import CopyRow, MessageRow
from shared.messages.stored import read_message
from shared.model import Failure, SendTime, Status, Step
from shared.organizations import Organization
from shared.replies.mailboxes import PARTITION, TABLE, watch
from shared.replies.notifications import mailbox_key
from tests.pages.site import LI, NOW, Site, Told, Visitor, ago

LIST = "/orgs/contoso/messages"
FROM_HERE = {"sec-fetch-site": "same-origin"}
GONE, BRUNO, CARLA = "gone@contoso.com", "bruno@contoso.com", "carla@contoso.com"
WATCHED = (GONE, CARLA, "dora@contoso.com", "eve@elsewhere.example")
AT = datetime(2030, 5, 31, 22, 30, tzinfo=UTC)


def failed(site: Site, step: Step = Step.FAILED) -> str:
    """A message of a seller whose mailbox is gone."""
    failure = Failure("mailboxUnknown", {"address": GONE})
    more = {"status": Status.FAILED, "sent_at": None, "failure": failure}
    copy = CopyRow(0, LI.address, step, ago(minutes=5), failure=failure)
    return site.tell(Told(copies=[copy], more={**more, "seller": GONE, "from_": GONE}))


def waiting(site: Site) -> str:
    more = {"status": Status.SCHEDULED, "sent_at": None, "send_time": SendTime(AT), "due_at": AT}
    return site.tell(Told(more={**more, "seller": GONE, "from_": GONE}))


def give(visitor: Visitor, message: str, seller: str, **headers: str) -> httpx.Response:
    return visitor.client.post(
        f"{LIST}/{message}/give", data={"seller": seller}, headers=headers or FROM_HERE
    )


def stored(site: Site, message: str) -> MessageRow:
    found = site.with_organization("contoso", lambda one: read_message(one, message))
    assert found is not None
    return found.message


@pytest.fixture
def watched(site: Site) -> Iterator[None]:
    """The mailboxes that the organization is known to send from."""

    async def begin(one: Organization) -> None:
        for address in WATCHED:
            await watch(one, address, NOW)

    async def end(one: Organization) -> None:
        for address in WATCHED:
            await one.tables.delete(TABLE, PARTITION, mailbox_key(address))

    site.with_organization("contoso", begin)
    yield
    site.with_organization("contoso", end)


@pytest.mark.usefixtures("watched")
def test_a_manager_gives_a_failed_message_and_its_new_seller_tries_again(site: Site) -> None:
    message, bruno, carla = failed(site), site.visitor(BRUNO), site.visitor(CARLA)
    page = bruno.sees_message(message)
    offered = [one.attrs["value"] for one in page.html.select("#sellers option")]
    assert offered == [CARLA, "dora@contoso.com"], "who may send, but whose it is"
    assert page.html.select(".failed form") == [], "a manager sends nothing"

    page = bruno.sees(give(bruno, message, f" {CARLA} ").headers["location"])
    assert page.texts("[role=status]") == [
        f"It now belongs to {CARLA}, who can try to send it again."
    ]
    row = stored(site, message)
    assert (row.seller, row.from_, row.status) == (CARLA, CARLA, Status.FAILED)

    (form,) = carla.sees_message(message).html.select(".failed form")
    answer = carla.client.post(str(form.attrs["action"]), headers=FROM_HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LIST}/{message}")
    assert stored(site, message).status is Status.ACCEPTED
    assert bruno.sees_message(message).html.select(".give") == [], "it is on its way"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", f"It now belongs to {CARLA}."),
        ("pt-BR", f"Agora ela é de {CARLA}."),
        ("es", f"Ahora es de {CARLA}."),
    ],
)
def test_a_scheduled_message_is_given_and_still_waits_for_its_time(
    site: Site, language: str, said: str
) -> None:
    message, carla = waiting(site), site.visitor(CARLA, language)
    page = carla.sees(give(carla, message, CARLA).headers["location"])
    assert page.texts("[role=status]") == [said]
    row = stored(site, message)
    assert (row.seller, row.status, row.due_at) == (CARLA, Status.SCHEDULED, AT)


@pytest.mark.parametrize("seller", ["", "nobody", "bruno@elsewhere.example", "<b>@contoso.com"])
def test_who_is_no_seller_gets_nothing_and_the_page_says_so(site: Site, seller: str) -> None:
    message, bruno = failed(site), site.visitor(BRUNO)
    page = bruno.sees(give(bruno, message, seller).headers["location"])
    assert page.texts("[role=status]")[0].startswith("Nothing was changed: this is no mailbox")
    assert stored(site, message).seller == GONE
    assert len(page.html.select(".give")) == 1, "another address can be tried"


def test_a_form_that_no_page_of_ours_sends_changes_nothing(site: Site) -> None:
    message, bruno = failed(site), site.visitor(BRUNO)
    assert give(bruno, message, CARLA, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert give(bruno, message, "c" * 5000 + "@contoso.com").status_code == 413
    assert give(bruno, "f" * 32, CARLA).status_code == 404
    assert stored(site, message).seller == GONE


def test_a_seller_gives_nothing_away(site: Site, ana: Visitor) -> None:
    message = site.tell(
        Told(more={"status": Status.SCHEDULED, "sent_at": None, "send_time": SendTime(AT)})
    )
    assert ana.sees_message(message).html.select(".give") == []
    assert give(ana, message, CARLA).status_code == 403
    stranger = give(site.visitor(None), message, CARLA)
    assert stranger.headers["location"].endswith(f"contoso%2Fmessages%2F{message}")
    assert stored(site, message).seller == "ana@contoso.com"


def test_what_was_sent_or_may_have_been_is_not_given_away(site: Site) -> None:
    bruno = site.visitor(BRUNO)
    for message in (site.tell(Told()), failed(site, Step.NEEDS_REVIEW)):
        assert bruno.sees_message(message).html.select(".give, .failed form") == []
        before = stored(site, message).seller
        page = bruno.sees(give(bruno, message, CARLA).headers["location"])
        assert page.texts("[role=status]")[0].startswith("Nothing was changed: its sending")
        assert stored(site, message).seller == before
