"""Times by the clock of whoever reads them; a scheduled message sent now or cancelled (S3, D3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from shared.messages.rows import CopyRow
from shared.messages.stored import read_message
from shared.model import (
    FollowChoice,
    LocalTime,
    Reader,
    Reminder,
    ReminderCondition,
    ReminderState,
    Seller,
    SendTime,
    Status,
    Step,
)
from shared.organizations import Organization
from shared.replies.mailboxes import PARTITION, TABLE, change, find_watched, watch
from shared.replies.notifications import mailbox_key
from shared.sellers.store import store_seller
from tests.pages.site import NOW, Page, Site, Told, Visitor, event

LIST = "/orgs/contoso/messages"
AT = datetime(2030, 5, 31, 22, 30, tzinfo=UTC)
FROM_HERE = {"sec-fetch-site": "same-origin"}


def scheduled(site: Site, time: SendTime | None = None, **more: object) -> str:
    time = time or SendTime(AT)
    waits = {"status": Status.SCHEDULED, "sent_at": None, "send_time": time, "due_at": time.at}
    return site.tell(Told("Offer", more={**waits, **more}))


def press(visitor: Visitor, message: str, button: str, **headers: str) -> httpx.Response:
    return visitor.client.post(f"{LIST}/{message}/{button}", headers=headers or FROM_HERE)


def status(site: Site, message: str) -> Status:
    stored = site.with_organization("contoso", lambda one: read_message(one, message))
    assert stored is not None
    return stored.message.status


@pytest.fixture
def anas_zone(site: Site) -> Iterator[str]:
    """Ana decided for a time zone."""
    zone = "America/Sao_Paulo"
    ana = Seller("ana@contoso.com", time_zone=zone)
    site.with_organization("contoso", lambda one: store_seller(one, ana))
    yield zone
    site.with_organization("contoso", lambda one: store_seller(one, Seller("ana@contoso.com")))


def test_times_are_those_of_the_seller_with_the_recipients_beside_what_is_scheduled_d3(
    site: Site, anas_zone: str
) -> None:
    message = scheduled(site, SendTime(AT, None, None, "Australia/Lord_Howe"))
    ana = site.visitor()
    ana.client.cookies.set("timeZone", "Asia%2FTokyo")
    shown = "May 31, 2030 7:30 PM Jun 1, 2030 9:00 AM for the recipient (Australia/Lord_Howe)"
    assert ana.sees_messages().column("sent") == [f"Will be sent: {shown}"]
    page = ana.sees_message(message)
    assert page.texts(".state")[0].startswith(f"Scheduled {shown}")
    said = f"Times are those of Brasilia Time ({anas_zone})."
    assert said in page.text and said in ana.sees_messages().text
    assert "<script" not in page.answer.text
    assert "script-src" not in page.answer.headers["content-security-policy"]
    in_portuguese = site.visitor(language="pt-BR").sees_message(message).text
    assert "para o destinatário (Australia/Lord_Howe)" in in_portuguese
    assert f"Os horários são os de Horário de Brasília ({anas_zone})." in in_portuguese


def test_a_sent_message_has_the_recipients_clock_beside_its_own_times_too_d3(
    site: Site, anas_zone: str
) -> None:
    opened = event(at=datetime(2030, 6, 1, 0, 5, tzinfo=UTC))
    li = Reader("li@example.com", "Australia/Lord_Howe")
    copy = CopyRow(0, li.address, Step.SENT, AT, sent_at=AT, reader=li)
    told = Told(events=[opened], copies=[copy], more={"sent_at": AT})
    page = site.visitor().sees_message(site.tell(told))
    shown = "May 31, 2030 7:30 PM Jun 1, 2030 9:00 AM for the recipient (Australia/Lord_Howe)"
    assert shown in page.texts(".details dd")
    beside = "May 31, 2030 9:05 PM Jun 1, 2030 10:35 AM for the recipient (Australia/Lord_Howe)"
    assert page.texts(".events .when") == [beside]


SET = Reminder(ReminderCondition.NO_REPLY_BY, AT, NOW, "Call <b>Li</b>")


@pytest.mark.parametrize(
    ("reminder", "language", "shown"),
    [
        (SET, "en", "May 31, 2030 10:30 PM if nobody has replied by then"),
        (
            replace(SET, state=ReminderState.EXPIRED, fired_at=AT),
            "en",
            "Reminded you May 31, 2030 10:30 PM",
        ),
        (
            replace(SET, state=ReminderState.INVALID, reason="replied"),
            "pt-BR",
            "Nenhum: alguém respondeu.",
        ),
        (
            replace(SET, state=ReminderState.INVALID, reason="notCollected"),
            "es",
            "Ninguno: el seguimiento estuvo desactivado un tiempo, "
            "y nadie sabe qué ocurrió entonces.",
        ),
    ],
)
def test_the_page_of_a_message_says_when_it_reminds_or_why_it_does_not_r1(
    site: Site, reminder: Reminder, language: str, shown: str
) -> None:
    message = site.tell(Told(more={"reminder": reminder}))
    page = site.visitor(language=language).sees_message(message)
    assert f"{shown} Call <b>Li</b>" in page.texts(".details dd")


@pytest.mark.parametrize(
    ("cookie", "shown"),
    [
        ("Asia%2FTokyo", "Jun 1, 2030 7:30 AM"),
        ("Japan", "Jun 1, 2030 7:30 AM"),
        ("", "May 31, 2030 10:30 PM"),
        ("Etc%2FUTC", "May 31, 2030 10:30 PM"),
        ("Mars%2FBase", "May 31, 2030 10:30 PM"),
        ("..%2F..%2Fetc%2Fpasswd", "May 31, 2030 10:30 PM"),
        ("zone.tab", "May 31, 2030 10:30 PM"),
        ("%00", "May 31, 2030 10:30 PM"),
    ],
)
def test_whoever_decided_for_none_reads_times_of_their_browsers_zone_else_in_utc_d3(
    site: Site, ana: Visitor, cookie: str, shown: str
) -> None:
    message = scheduled(site, SendTime(AT, None, None, "Asia/Tokyo"))
    page = Page(ana.asks(f"{LIST}/{message}", cookie=f"{ana.cookie}; timeZone={cookie}"))
    assert page.texts(".state time") == [shown]
    in_utc = "Times are in UTC." in page.text
    assert in_utc is ("10:30 PM" in shown)
    assert ("for the recipient" in page.text) is in_utc, "one clock need not be shown twice"


@pytest.fixture
def outlooks_zone(site: Site, request: pytest.FixtureRequest) -> Iterator[None]:
    """What Outlook has of Ana's zone, as the watcher of mailboxes keeps it."""

    async def told(one: Organization) -> None:
        await watch(one, "ana@contoso.com", NOW)
        found = await find_watched(one, mailbox_key("ana@contoso.com"))
        assert found
        await change(one, found, lambda mailbox: replace(mailbox, time_zone=request.param))

    async def forgotten(one: Organization) -> None:
        await one.tables.delete(TABLE, PARTITION, mailbox_key("ana@contoso.com"))

    site.with_organization("contoso", told)
    yield
    site.with_organization("contoso", forgotten)


@pytest.mark.parametrize(
    ("outlooks_zone", "shown"),
    [
        ("Europe/Madrid", "Jun 1, 2030 12:30 AM"),
        ("UTC", "Jun 1, 2030 7:30 AM"),
        (None, "Jun 1, 2030 7:30 AM"),
    ],
    indirect=["outlooks_zone"],
)
@pytest.mark.usefixtures("outlooks_zone")
def test_whoever_decided_for_none_has_that_of_their_mailbox_before_their_browsers_d3(
    site: Site, ana: Visitor, shown: str
) -> None:
    message = scheduled(site)
    ana.client.cookies.set("timeZone", "Asia%2FTokyo")
    page = ana.sees_message(message)
    assert page.texts(".state time") == [shown]
    assert ("<script" in page.answer.text) is ("7:30" in shown), "nobody asks the browser"


@pytest.mark.parametrize("outlooks_zone", ["Europe/Madrid"], indirect=True)
@pytest.mark.usefixtures("outlooks_zone")
def test_what_a_seller_decided_counts_before_their_mailbox_d3(
    site: Site, ana: Visitor, anas_zone: str
) -> None:
    page = ana.sees_message(scheduled(site))
    assert page.texts(".state time") == ["May 31, 2030 7:30 PM"]


def test_a_local_time_that_somebody_gave_is_shown_where_it_is_neither_clocks(
    site: Site, ana: Visitor
) -> None:
    local = LocalTime("2030-06-01T04:15", "Asia/Kathmandu", "2025b")
    page = ana.sees_message(scheduled(site, SendTime(AT, local, None, "Asia/Tokyo")))
    assert "4:15 AM, time zone Asia/Kathmandu" in page.text
    page = ana.sees_message(scheduled(site, SendTime(AT, local, None, "Asia/Kathmandu")))
    assert "time zone Asia/Kathmandu" not in page.text
    assert "for the recipient (Asia/Kathmandu)" in page.text


@pytest.mark.parametrize(
    ("button", "ends"), [("send", Status.ACCEPTED), ("cancel", Status.CANCELLED)]
)
def test_a_scheduled_message_is_sent_now_or_cancelled_from_its_page_s3(
    site: Site, ana: Visitor, button: str, ends: Status
) -> None:
    message = scheduled(site)
    forms = ana.sees_message(message).html.select(".acts form")
    assert [one.attrs["action"] for one in forms] == [
        f"{LIST}/{message}/send",
        f"{LIST}/{message}/cancel",
    ]
    answer = press(ana, message, button)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LIST}/{message}")
    assert status(site, message) is ends
    page = ana.sees_message(message)
    assert page.texts(".pill") == [ends.value.capitalize()]
    assert len(page.html.select(".acts form")) == (1 if ends is Status.ACCEPTED else 0)


def test_what_comes_too_late_changes_nothing_and_says_so_s3(site: Site, ana: Visitor) -> None:
    message = scheduled(site, status=Status.SENDING, begun=1)
    assert ana.sees_message(message).html.select(".acts") == []
    answer = press(ana, message, "cancel")
    assert answer.status_code == 303
    page = ana.sees(answer.headers["location"])
    assert page.texts("[role=status]")[0].startswith("Nothing was changed")
    assert status(site, message) is Status.SENDING
    assert ana.asks(f"{LIST}/{message}?said=anything").status_code == 422


def test_what_cannot_be_sent_like_this_stays_as_it_was_and_says_so_s3(
    site: Site, ana: Visitor
) -> None:
    message = scheduled(site, follow_choice=FollowChoice.REQUIRED)
    site.engagement(on=False)
    page = ana.sees(press(ana, message, "send").headers["location"])
    assert page.texts("[role=status]")[0].startswith("It cannot be sent like this now.")
    assert status(site, message) is Status.SCHEDULED


@pytest.mark.parametrize("button", ["send", "cancel"])
def test_only_who_may_presses_and_only_on_our_own_page_a3(
    site: Site, ana: Visitor, button: str
) -> None:
    message = scheduled(site)
    carlas = scheduled(site, seller="carla@contoso.com", from_="carla@contoso.com")
    bruno, mallory = site.visitor("bruno@contoso.com"), site.visitor("mallory@contoso.com")
    assert bruno.sees_message(message).html.select(".acts") == [], "a manager reads only"
    assert ana.sees_message(carlas).html.select(".acts") == []
    for visitor, which, headers, answered in (
        (ana, message, {"sec-fetch-site": "cross-site"}, 403),
        (ana, message, {"sec-fetch-site": "same-site"}, 403),
        (ana, message, {"origin": "https://evil.example"}, 403),
        (ana, message, {"accept": "text/html"}, 403),
        (ana, carlas, FROM_HERE, 403),
        (bruno, message, FROM_HERE, 403),
        (mallory, message, FROM_HERE, 403),
        (ana, "f" * 32, FROM_HERE, 404),
    ):
        answer = press(visitor, which, button, **headers)
        assert answer.status_code == answered, (headers, answer.text)
    stranger = press(site.visitor(None), message, button)
    assert stranger.headers["location"].endswith(f"contoso%2Fmessages%2F{message}")
    assert status(site, message) is status(site, carlas) is Status.SCHEDULED
    if button == "cancel":
        assert press(site.visitor("carla@contoso.com"), message, button).status_code == 303
