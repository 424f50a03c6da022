"""The list of followed messages (rules K1, F6)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from shared.model import EventKind, Kpis, Reason, SendTime, Status
from tests.pages.site import HOSTILE, JOANA, LI, Page, Site, Told, Visitor, ago, event

COLUMNS = [
    "Subject",
    "Recipients",
    "Sent",
    "Status",
    "Opens",
    "Last opened",
    "Attachment views",
    "Link clicks",
    "Replies",
]


def test_the_newest_message_stands_first_with_everything_k1_names(site: Site, ana: Visitor) -> None:
    opened = event(at=ago(minutes=30))
    clicked = event(EventKind.CLICK, at=ago(minutes=29), link=0)
    by_program = event(EventKind.CLICK, at=ago(minutes=28), link=0, automated=True)
    site.tell(Told("Older", at=ago(days=2)))
    newest = site.tell(
        Told("Newest", [LI, JOANA], ago(hours=1), events=[opened, clicked, by_program])
    )

    page = ana.sees_messages()

    assert page.texts("thead th") == [*COLUMNS[:2], "Sent ↓", *COLUMNS[3:]]
    assert page.column("subject") == ["Newest", "Older"]
    assert page.address("Newest") == f"/orgs/contoso/messages/{newest}"
    assert page.column("recipients")[0] == (
        "Li Wei <li@example.com>, Joana Prado <joana@example.com>"
    )
    assert page.column("status") == ["Sent", "Sent"]
    assert page.column("opens") == ["1", "0"]
    assert page.column("link-clicks") == ["1 2 in all", "0"]
    assert page.column("attachment-views") == ["0", "0"]
    assert page.column("replies") == ["0", "0"]
    sent, last_opened = page.html.select("tbody tr:first-child time")
    assert sent.attrs["datetime"] == ago(hours=1, seconds=-2).isoformat(timespec="milliseconds")
    assert "Coordinated Universal Time" in str(last_opened.attrs["title"])
    assert "an approximation of what people did" in page.text


def test_only_followed_messages_are_shown_until_all_are_asked_for(site: Site, ana: Visitor) -> None:
    site.tell(Told("Followed"))
    site.tell(Told("Private", followed=False, reasons=(Reason("sellerChoseNot"),)))

    assert ana.sees_messages().column("subject") == ["Followed"]
    everything = ana.sees_messages(followed="all")

    assert everything.column("subject") == ["Private Not followed", "Followed"]
    assert everything.column("opens") == ["", "0"]


def test_search_and_filters_narrow_the_list_and_stay_in_the_form(site: Site, ana: Visitor) -> None:
    site.tell(Told("Spring offer"))
    site.tell(Told("Invoice", [JOANA]))
    site.tell(Told("Spring delivery", more={"status": Status.FAILED, "sent_at": None}))

    found = ana.sees_messages(search="SPRING", status="failed")

    assert found.column("subject") == ["Spring delivery"]
    assert [str(one.attrs["value"]) for one in found.html.select("input[name=search]")] == [
        "SPRING"
    ]
    assert "Not sent" in found.texts("select option[selected]")
    assert ana.sees_messages(search="joana").column("subject") == ["Invoice"]
    assert found.address("Clear filters") == "/orgs/contoso/messages"


def test_a_list_of_the_last_30_days_leads_on_to_what_is_older(site: Site, ana: Visitor) -> None:
    site.tell(Told("Ancient", at=ago(days=200)))
    site.tell(Told("Old", at=ago(days=40)))
    site.tell(Told("Recent"))

    recent = ana.sees_messages()
    older = ana.sees(recent.address("Show older messages"))

    assert recent.column("subject") == ["Recent"]
    assert older.column("subject") == ["Old", "Ancient"]
    assert "Show older messages" not in older.text
    assert ana.sees(older.address("Newest")).column("subject") == ["Recent", "Old", "Ancient"]
    assert ana.sees_messages(search="old").column("subject") == []
    assert ana.sees_messages(search="old", period="all").column("subject") == ["Old"]


def test_pages_of_the_list_follow_one_another_to_the_end(site: Site, ana: Visitor) -> None:
    for number in range(5):
        site.tell(Told(f"Message {number}", at=ago(minutes=number)))

    seen: list[str] = []
    page = ana.sees_messages(limit="2")
    seen += page.column("subject")
    while "Older" in page.texts(".pager a"):
        page = ana.sees(page.address("Older"))
        seen += page.column("subject")

    assert seen == [f"Message {number}" for number in range(5)]
    assert page.address("Newest") == "/orgs/contoso/messages?limit=2"


@pytest.fixture
def opened(site: Site) -> None:
    for subject, opens in (("Twice", 2), ("Never", 0), ("Once", 1)):
        site.tell(Told(subject, events=[event() for _ in range(opens)]))


@pytest.mark.usefixtures("opened")
def test_a_heading_sorts_by_its_column_and_again_the_other_way(ana: Visitor) -> None:
    most = ana.sees(ana.sees_messages().address("Opens"))
    fewest = ana.sees(most.address("Opens ↓"))

    assert most.column("subject") == ["Twice", "Once", "Never"]
    assert directions(most) == {"opens": "descending"}
    assert fewest.column("subject") == ["Never", "Once", "Twice"]
    assert directions(fewest) == {"opens": "ascending"}


@pytest.mark.usefixtures("opened")
def test_every_column_sorts(ana: Visitor, subtests: pytest.Subtests) -> None:
    for name in COLUMNS:
        with subtests.test(name):
            page = ana.sees_messages(search="e")
            label = "Sent ↓" if name == "Sent" else name
            once = ana.sees(page.address(label))
            assert len(once.column("subject")) == 3
            assert parse_qs(urlsplit(page.address(label)).query)["search"] == ["e"]
            assert list(directions(once)) == [name.lower().replace(" ", "-")]


def directions(page: Page) -> dict[str, str]:
    """How the list is ordered: column by direction, as a screen reader is told."""
    return {
        " ".join(one.attrs["class"] or ""): str(one.attrs["aria-sort"])
        for one in page.html.select("th[aria-sort]")
    }


def test_pages_of_a_sorted_list_follow_one_another(site: Site, ana: Visitor) -> None:
    for subject in ("b", "c", "a"):
        site.tell(Told(subject))

    first = ana.sees_messages(sort="subject", limit="2")
    second = ana.sees(first.address("Next"))

    assert first.column("subject") + second.column("subject") == ["a", "b", "c"]
    assert "Older" not in first.text


def test_while_engagement_is_off_the_columns_stay_and_are_empty(site: Site, ana: Visitor) -> None:
    site.tell(Told("Seen", events=[event()], links=[]))
    site.tell(Told("Unseen"))
    site.engagement(on=False)

    page = ana.sees_messages(sort="-opens")

    assert page.texts("thead th") == [*COLUMNS[:2], "Sent ↓", *COLUMNS[3:]]
    assert page.column("subject") == ["Unseen", "Seen"]
    for name in ("opens", "last-opened", "attachment-views", "link-clicks", "replies"):
        assert page.column(name) == ["", ""]
    assert "Email engagement is turned off" in page.text
    site.engagement(on=True)
    assert ana.sees_messages().column("opens") == ["0", "1"]


def test_an_empty_list_says_what_to_do_next(site: Site, ana: Visitor) -> None:
    nothing = ana.sees_messages()
    assert "No followed messages yet" in nothing.text
    assert "Send one from your CRM or through the API." in nothing.text
    assert ana.sees("/orgs/contoso/messages?followed=all").text.count("No messages yet") == 1

    site.tell(Told("Offer"))
    assert "No message matches" in ana.sees_messages(search="nowhere").text

    site.forget()
    site.tell(Told("Old", at=ago(days=31)))
    assert "No messages here" in ana.sees_messages().text
    assert ana.sees(ana.sees_messages().address("Show older messages")).column("subject") == ["Old"]


def test_what_strangers_wrote_is_only_text(site: Site, ana: Visitor) -> None:
    hostile = Told(HOSTILE, [LI], more={"to_text": HOSTILE})
    site.tell(hostile)

    page = ana.sees_messages(search="script")

    assert page.column("subject") == [" ".join(HOSTILE.split())]
    assert not page.html.select("body script, img, [onerror], [style]")
    found = ana.sees_messages(search=HOSTILE)
    assert str(found.html.select("input[name=search]")[0].attrs["value"]) == HOSTILE
    assert not found.html.select("body script, img, [onerror], [style]")


@pytest.mark.parametrize(
    "nonsense",
    [
        {"sort": "nonsense"},
        {"status": "nonsense"},
        {"period": "nonsense"},
        {"followed": "nonsense"},
        {"utm_source": "elsewhere"},
        {"search": "   "},
    ],
)
def test_a_choice_that_means_nothing_is_none(
    site: Site, ana: Visitor, nonsense: dict[str, str]
) -> None:
    site.tell(Told("Offer"))
    assert ana.sees_messages(**nonsense).column("subject") == ["Offer"]


@pytest.mark.parametrize("damaged", ["cursor=_w", "cursor=YXQ6MQ", "limit=0", "limit=x"])
def test_a_damaged_address_leads_to_a_page_that_says_so(ana: Visitor, damaged: str) -> None:
    answer = ana.asks(f"/orgs/contoso/messages?{damaged}")
    assert answer.status_code == 422
    assert Page(answer).texts("h1") == ["This address cannot be read"]


@pytest.mark.parametrize(
    ("language", "title", "sent", "numbers"),
    [
        ("pt-BR", "Mensagens acompanhadas", "Enviada", "1.234 5.678 no total"),
        ("es-MX", "Mensajes con seguimiento", "Enviado", "1.234 5.678 en total"),
        ("en-GB", "Followed messages", "Sent", "1,234 5,678 in all"),
    ],
)
def test_the_page_speaks_the_readers_language(
    site: Site, language: str, title: str, sent: str, numbers: str
) -> None:
    site.tell(Told(more={"kpis": Kpis(opens=5678, human_opens=1234)}))
    page = site.visitor(language=language).sees_messages()
    assert page.texts("h1") == [title]
    assert page.column("status") == [sent]
    assert page.column("opens") == [numbers]
    assert str(page.html.select("html")[0].attrs["lang"]) in language + "es"


def test_a_message_from_within_the_period_is_in_it_and_one_from_before_is_not(
    site: Site, ana: Visitor
) -> None:
    site.tell(Told("Just out", at=ago(days=7, minutes=1)))
    site.tell(Told("In", at=ago(days=6)))
    assert ana.sees_messages(period="7").column("subject") == ["In"]


def test_what_waits_says_for_what_and_can_be_chosen(site: Site, ana: Visitor) -> None:
    at = ago(days=-3)
    site.tell(Told("Sent"))
    for status in (Status.DRAFT, Status.SCHEDULED, Status.CANCELLED):
        more = {"status": status, "sent_at": None, "send_time": SendTime(at)}
        site.tell(Told(f"Some {status.value}", more=more))

    page = ana.sees_messages()

    assert page.column("status") == ["Cancelled", "Scheduled", "Draft", "Sent"]
    cancelled, scheduled, draft, _ = page.texts("td.sent")
    assert (cancelled, draft) == ("", "")
    assert scheduled.startswith("Will be sent:")
    assert str(page.html.select("td.sent time")[0].attrs["datetime"])[:19] == at.isoformat()[:19]
    for status in (Status.DRAFT, Status.SCHEDULED, Status.CANCELLED):
        assert ana.sees_messages(status=status.value).column("subject") == [f"Some {status.value}"]
