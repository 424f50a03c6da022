"""One message and its timeline (rules K2, T6, T8, T9, F6)."""

import re
from datetime import UTC, datetime

import pytest

from shared.messages.files import FileRow, Place
from shared.messages.rows import CopyRow
from shared.model import (
    Attachment,
    EventKind,
    Failure,
    Kpis,
    Link,
    LocalTime,
    Reason,
    Recipient,
    SendTime,
    Status,
    Step,
)
from tests.pages.site import HOSTILE, JOANA, LI, Page, Site, Told, Visitor, ago, event

OFFER = Link(0, "https://example.com/offer?a=1&b=2", "our offer")
CLICK = event(
    EventKind.CLICK,
    at=ago(minutes=5),
    link=0,
    client="Chrome",
    device="desktop",
    country="BR",
    address="192.0.2.0/24",
)
PROGRAM = event(
    EventKind.CLICK, at=ago(minutes=6), link=0, automated=True, reasons=("program", "noAgent")
)
OPEN = event(at=ago(minutes=10), client="Gmail", reasons=("imageProxy",))


def kpis(page: Page) -> dict[str, str]:
    names = page.texts(".kpis dt")
    return dict(zip(names, page.texts(".kpis dd"), strict=True))


def entries(page: Page) -> list[str]:
    return page.texts(".events > li .what")


def test_the_timeline_says_who_did_what_with_what_newest_first(site: Site, ana: Visitor) -> None:
    message = site.tell(Told("Offer", [LI], events=[OPEN, PROGRAM, CLICK], links=[OFFER]))

    page = ana.sees_message(message)

    assert entries(page) == [
        "Link clicked A person Li Wei our offer https://example.com/offer?a=1&b=2 "
        "Chrome · on a computer · Brazil 192.0.2.0/24",
        "Link clicked Automated Li Wei our offer https://example.com/offer?a=1&b=2 "
        "A program fetched it, not a browser or a mail program. "
        "The program did not say what it is. Browsers and mail programs do.",
        "Opened A person Li Wei Gmail "
        "The mail service loaded the images for the person reading, so device and place are not "
        "known.",
    ]
    assert len(page.html.select(".events svg[aria-hidden=true]")) == 3
    times = [str(one.attrs["datetime"]) for one in page.html.select(".events time")]
    assert times == sorted(times, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", one) for one in times)


def test_of_individual_copies_each_persons_own_is_shown(site: Site, ana: Visitor) -> None:
    read = Kpis(opens=3, human_opens=2, replies=1, last_human_opened_at=ago(minutes=3))
    message = site.tell(
        Told(
            recipients=[LI, JOANA],
            copies=[
                CopyRow(0, LI.address, Step.SENT, kpis=read),
                CopyRow(
                    1,
                    JOANA.address,
                    Step.FAILED,
                    failure=Failure("mailboxOutOfScope", {"address": "ana@contoso.com"}),
                ),
            ],
            more={"status": Status.PARTLY_SENT, "copies": 2},
        )
    )
    page = ana.sees_message(message)
    li, joana = page.texts(".people tbody tr")
    assert li.startswith("Li Wei li@example.com Sent 2 3 in all")
    assert li.endswith(" 0 0 1")
    assert "Not sent" in joana
    assert joana.endswith("– 0 0 0")


def test_an_address_that_bounced_is_marked(site: Site, ana: Visitor) -> None:
    bounced = CopyRow(0, LI.address, Step.SENT, bounced=(LI.address,))
    message = site.tell(Told(recipients=[LI], copies=[bounced]))
    page = ana.sees_message(message)
    assert page.texts(".details .failed") == ["Could not be delivered"]


def test_files_say_where_they_are_and_the_timeline_names_them(site: Site, ana: Visitor) -> None:
    viewed = event(EventKind.ATTACHMENT_VIEW, at=ago(minutes=5), attachment=1, client="Firefox")
    taken_back = event(EventKind.WITHDRAWN, at=ago(minutes=2), attachment=2)
    names = ("offer.pdf", HOSTILE, "terms.txt")
    followed = [
        FileRow(1, names[0], "application/pdf", 2048, Place.STORED, expires_at=ago(days=-90)),
        FileRow(2, names[1], "application/pdf", 10, Place.LEAVING, withdrawn_at=ago(minutes=2)),
    ]
    message = site.tell(
        Told(
            events=[viewed, taken_back],
            attachments=[
                Attachment(number, name, "text/plain", 2048, follow=number < 3)
                for number, name in enumerate(names, 1)
            ],
            files=followed,
        )
    )

    page = ana.sees_message(message)

    assert entries(page) == [
        f"Attachment taken back {HOSTILE}",
        "Attachment viewed A person Li Wei offer.pdf Firefox",
    ]
    first, second, third = page.texts(".files li")
    assert first.startswith("offer.pdf 2 KB · Can be opened until ")
    assert second == f"{HOSTILE} 2 KB · Taken back"
    assert third == "terms.txt 2 KB · Attached, not followed"
    assert page.html.select("body script, .files img") == []


def test_kpis_count_people_with_the_total_beside_where_it_differs(site: Site, ana: Visitor) -> None:
    message = site.tell(Told(events=[OPEN, PROGRAM, CLICK], links=[OFFER]))

    page = ana.sees_message(message)

    shown = kpis(page)
    assert shown["Opens"] == "1"
    assert shown["Link clicks"] == "1 2 in all"
    assert shown["Attachment views"] == "0"
    assert shown["Replies"] == "0"
    assert shown["First opened"] == shown["Last opened"]
    assert "an approximation of what people did" in page.text


def test_an_open_by_machines_only_is_no_open_by_a_person(site: Site, ana: Visitor) -> None:
    scanned = event(automated=True, reasons=("securityScanner",))
    shown = kpis(ana.sees_message(site.tell(Told(events=[scanned]))))
    assert shown["Opens"] == "0 1 in all"
    assert shown["First opened"].startswith("Not by a person Counting automated ones:")


def test_automated_events_can_be_hidden_or_shown_alone(site: Site, ana: Visitor) -> None:
    message = site.tell(Told(events=[OPEN, PROGRAM], links=[OFFER]))

    page = ana.sees_message(message)
    people = ana.sees(page.address("People only"))
    machines = ana.sees(page.address("Automated only"))

    assert [one.split(" Li")[0] for one in entries(people)] == ["Opened A person"]
    assert [one.split(" Li")[0] for one in entries(machines)] == ["Link clicked Automated"]
    assert people.texts("[aria-current]") == ["People only"]
    assert people.address("Everything").endswith("?automated=include")


def test_an_inferred_open_says_how_it_is_known(site: Site, ana: Visitor) -> None:
    message = site.tell(Told(events=[event(inferred=True)]))
    assert "Opened, as a later click or reply shows" in entries(ana.sees_message(message))[0]


def test_pages_of_the_timeline_follow_one_another_to_the_end(site: Site, ana: Visitor) -> None:
    events = [event(at=ago(minutes=number), client=f"Mail {number}") for number in range(5)]
    page = ana.sees_message(site.tell(Told(events=events)), limit="2", automated="exclude")
    seen = entries(page)
    while "Older" in page.texts(".pager a"):
        page = ana.sees(page.address("Older") + "&limit=2")
        seen += entries(page)
    assert [re.findall(r"Mail \d", one)[0] for one in seen] == [f"Mail {n}" for n in range(5)]
    assert page.address("Newest").endswith("?automated=exclude")


def test_one_copy_for_several_people_does_not_tell_who_it_was(site: Site, ana: Visitor) -> None:
    page = ana.sees_message(site.tell(Told(recipients=[LI, JOANA], events=[OPEN])))
    assert "All recipients got the same copy" in page.text
    assert "Li Wei" not in entries(page)[0]
    assert kpis(page)["Opens"] == "1"


def test_people_who_opened_are_counted_where_copies_tell(site: Site, ana: Visitor) -> None:
    counted = {"kpis": Kpis(opens=3, human_opens=3, human_openers=2), "copies": 2}
    page = ana.sees_message(site.tell(Told(recipients=[LI, JOANA], events=[OPEN], more=counted)))
    assert kpis(page)["People who opened"] == "2"
    assert "All recipients got the same copy" not in page.text


def test_recipients_are_shown_by_their_line(site: Site, ana: Visitor) -> None:
    people = [LI, Recipient("cc", "joana@example.com", "Joana"), Recipient("bcc", "x@example.com")]
    page = ana.sees_message(site.tell(Told(recipients=people)))
    shown = dict(zip(page.texts(".details dt"), page.texts(".details dd"), strict=True))
    assert shown["To"] == "Li Wei li@example.com"
    assert shown["Copy (Cc)"] == "Joana joana@example.com"
    assert shown["Blind copy (Bcc)"] == "x@example.com"


def test_a_message_that_is_not_followed_says_why_and_what_to_do(site: Site, ana: Visitor) -> None:
    reasons = (Reason("noRecord", ("stranger@example.com",)), Reason("textOnly"))
    page = ana.sees_message(site.tell(Told(followed=False, reasons=reasons)))
    assert page.texts(".note li") == [
        "We have no record for stranger@example.com. Choose or create one to follow the message.",
        "Only formatted (HTML) messages can be followed, and this one is plain text.",
    ]
    assert set(kpis(page).values()) == {""}
    assert "Nothing is collected, because the message is not followed." in page.text


def test_a_failed_message_says_why_and_what_to_do(site: Site, ana: Visitor) -> None:
    failed = {
        "status": Status.FAILED,
        "sent_at": None,
        "failure": Failure("mailboxUnknown", {"address": "ana@contoso.com"}),
    }
    page = ana.sees_message(site.tell(Told(more=failed)))
    assert page.texts(".note.failed p") == [
        "There is no mailbox ana@contoso.com, or there is none any more. Check the sender's "
        "address, or let a manager give the message to another seller; then try again."
    ]
    assert "The message was not sent, so nobody can have opened it." in page.text


def test_while_engagement_is_off_kpis_and_timeline_are_empty(site: Site, ana: Visitor) -> None:
    message = site.tell(Told(events=[OPEN, CLICK], links=[OFFER]))
    site.engagement(on=False)

    page = ana.sees_message(message)

    assert set(kpis(page).values()) == {""}
    assert entries(page) == []
    assert "Email engagement is turned off" in page.text
    site.engagement(on=True)
    assert kpis(ana.sees_message(message))["Opens"] == "1"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (Told(), "Nothing has been seen yet."),
        (
            Told(more={"status": Status.ACCEPTED, "sent_at": None}),
            "The message has not been sent yet.",
        ),
    ],
)
def test_an_empty_timeline_says_why(site: Site, ana: Visitor, told: Told, sentence: str) -> None:
    assert sentence in ana.sees_message(site.tell(told)).text


def test_links_are_text_and_only_web_addresses_can_be_followed(site: Site, ana: Visitor) -> None:
    links = [
        OFFER,
        Link(1, "javascript:alert(1)", "odd"),
        Link(2, 'https://example.com/"onmouseover="hit()', HOSTILE),
        Link(None, "https://example.com/long", "long", "tooLong"),
        Link(None, "https://example.com/off", "off", "optOut"),
    ]
    page = ana.sees_message(site.tell(Told(links=links)))
    hrefs = [str(one.attrs["href"]) for one in page.html.select(".links a")]
    assert hrefs == [one.url for one in links if one.url.startswith("https:")]
    assert len(page.html.select(".links a[rel~=noreferrer]")) == len(hrefs)
    listed = page.texts(".links li")
    assert listed[1] == "odd javascript:alert(1)"
    assert listed[2].startswith(" ".join(HOSTILE.split()))
    assert listed[3].endswith("Not followed: the address is too long.")
    assert listed[4].endswith("Not followed: the message says so.")
    assert not page.html.select("body script, img, [onmouseover], [style]")


def test_what_strangers_wrote_is_only_text(site: Site) -> None:
    hostile = Told(
        HOSTILE,
        [Recipient("to", "li@example.com", HOSTILE)],
        events=[event(client=HOSTILE, country=HOSTILE), event(EventKind.CLICK, link=0)],
        links=[Link(0, "https://example.com/", HOSTILE)],
        followed=False,
        reasons=(Reason("noRecord", (HOSTILE,)),),
        more={"failure": Failure("mailboxUnknown", {"address": HOSTILE}), "seller": HOSTILE},
    )
    manager = site.visitor("bruno@contoso.com")
    page = manager.sees_message(site.tell(hostile))
    assert page.texts("h1") == [" ".join(HOSTILE.split())]
    assert not page.html.select("body script, img, [onerror], [style]")


@pytest.mark.parametrize("odd", ["0" * 32, "0" * 31, "nonsense", "..", "a'b", "%00", "'or'1'eq'1"])
def test_a_message_that_is_not_there_is_a_page_that_says_so(ana: Visitor, odd: str) -> None:
    answer = ana.asks(f"/orgs/contoso/messages/{odd.replace('..', '%2e%2e')}")
    assert answer.status_code in (404, 400)
    if answer.text:
        assert Page(answer).texts("h1") == ["There is nothing here"]


def test_anothers_message_is_not_there(site: Site, ana: Visitor) -> None:
    message = site.tell(Told("Secret"), organization="fabrikam")
    assert ana.asks(f"/orgs/contoso/messages/{message}").status_code == 404
    assert ana.asks(f"/orgs/fabrikam/messages/{message}").status_code == 404
    theirs = site.visitor("ana@fabrikam.com").sees(f"/orgs/fabrikam/messages/{message}")
    assert theirs.texts("h1") == ["Secret"]


def test_the_page_speaks_the_readers_language(site: Site) -> None:
    message = site.tell(Told(events=[OPEN, PROGRAM], links=[OFFER]))
    page = site.visitor(language="pt-BR").sees_message(message)
    assert page.texts("h2")[:2] == ["Em números", "Linha do tempo"]
    assert "Quem buscou foi um programa" in page.text
    assert "Horário Universal Coordenado" in str(page.html.select("time")[0].attrs["title"])


@pytest.mark.parametrize(
    ("status", "pill", "nothing"),
    [
        (Status.DRAFT, "Draft", "This is a draft; nothing has been sent yet."),
        (Status.SCHEDULED, "Scheduled", "The message has not been sent yet."),
        (Status.CANCELLED, "Cancelled", "The message was cancelled and never sent."),
    ],
)
def test_a_message_that_was_not_sent_says_why_and_when_it_will_be(
    site: Site, ana: Visitor, status: Status, pill: str, nothing: str
) -> None:
    local = LocalTime("2030-06-01T09:00", "Australia/Lord_Howe", "2025b")
    time = SendTime(datetime(2030, 5, 31, 22, 30, tzinfo=UTC), local)
    more = {"status": status, "sent_at": None, "send_time": time}
    file = Attachment(1, "offer.pdf", "application/pdf", 2048, follow=True)
    message = site.tell(Told("Offer", attachments=[file], more=more))

    page = ana.sees_message(message)

    assert page.texts(".state .pill") == [pill]
    assert page.texts(".timeline .empty") == [nothing]
    details = dict(zip(page.texts(".details dt"), page.texts(".details dd"), strict=True))
    assert details.get("To be sent") == (
        None
        if status is Status.CANCELLED
        else "May 31, 2030 10:30 PM Jun 1, 2030 9:00 AM, time zone Australia/Lord_Howe"
    )
    assert "Will be followed" in page.texts(".files li")[0]
    for language, word in (("es", "Se seguirá"), ("pt-BR", "Será seguido")):
        asked = ana.asks(f"/orgs/contoso/messages/{message}", **{"accept-language": language})
        assert word in Page(asked).texts(".files li")[0]
