"""Which messages are followed, and every reason why one is not (F1, F2, F5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from shared.languages import LANGUAGES
from shared.model import FollowChoice, Reason, Recipient, Record, RecordRef
from shared.organizations import Organization, OrganizationSettings
from shared.records.store import store_record
from shared.sending.follow import Decision, decide_follow, preferences
from shared.sending.wording import follow_reason

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORDS = (
    Record(RecordRef("contact", "f-1"), "Li", ("f.li@example.com", "f.li.home@example.com")),
    Record(RecordRef("lead", "f-2"), "Noor", ("f.noor@example.com",)),
    Record(RecordRef("account", "f-3"), "Trading", ("f.office@example.com",)),
    Record(RecordRef("contact", "f-4"), "Sam", ("f.sam@example.com",), follow_email=False),
    Record(RecordRef("opportunity", "f-5"), "Deal", ("f.deal@example.com",)),
    Record(RecordRef("contact", "f-6"), "Bo", ("f.both@example.com",)),
    Record(RecordRef("opportunity", "f-7"), "Order", ("f.both@example.com",)),
    Record(RecordRef("lead", "f-8"), "Was a lead", ("f.twice@example.com",), follow_email=False),
    Record(RecordRef("contact", "f-9"), "Is a contact", ("f.twice@example.com",)),
    Record(RecordRef("opportunity", "f-10"), "No", ("f.never@example.com",), follow_email=False),
)


def one(
    address: str,
    record: tuple[str, str] | None = None,
    *,
    cc: bool = False,
    bcc: bool = False,
    follow: bool | None = None,
) -> Recipient:
    place = "bcc" if bcc else "cc" if cc else "to"
    ref = RecordRef(*record) if record else None
    return Recipient(place, f"f.{address}@example.com", None, ref, follow)


@dataclass(frozen=True)
class Case:
    what: str
    recipients: list[Recipient]
    reasons: list[Reason] = field(default_factory=list)
    choice: FollowChoice = FollowChoice.PREFERRED
    html: bool = True
    settings: OrganizationSettings = field(default_factory=OrganizationSettings)


CONTACT = one("li", ("contact", "f-1"))
NOBODY_TO_FOLLOW = Reason("noFollowableRecipient")
MANY = [one(f"p{n}", ("contact", f"p-{n}")) for n in range(21)]

FOLLOWED = [
    Case("a contact", [CONTACT]),
    Case("a lead", [one("noor", ("lead", "f-2"))]),
    Case("an account", [one("office", ("account", "f-3"))]),
    Case("all three", [CONTACT, one("noor", ("lead", "f-2")), one("x", ("account", "1"), cc=True)]),
    Case("only in cc", [one("li", ("contact", "f-1"), cc=True)]),
    Case("an id nobody has stored", [one("new", ("contact", "nobody-knows"))]),
    Case("an address that resolves to a contact", [one("li")]),
    Case("another address of that contact", [one("li.home")]),
    Case("an address in capitals", [Recipient("to", "F.LI@EXAMPLE.COM")]),
    Case("an address of a contact and of an opportunity", [one("both")]),
    Case("a stranger in bcc", [CONTACT, one("stranger", bcc=True)]),
    Case("an opportunity in bcc", [CONTACT, one("deal", ("opportunity", "f-5"), bcc=True)]),
    Case("a yes that is said with the message", [one("li", ("contact", "f-1"), follow=True)]),
    Case("twenty", MANY[:20]),
    Case("required", [CONTACT], choice=FollowChoice.REQUIRED),
    Case("three where the limit is three", MANY[:3],
         settings=OrganizationSettings(recipient_limit=3)),
]  # fmt: skip
NOT_FOLLOWED = [
    Case("engagement is off", [CONTACT], [Reason("engagementOff")],
         settings=OrganizationSettings(engagement=False)),
    Case("the seller chose so", [CONTACT], [Reason("sellerChoseNot")], choice=FollowChoice.OFF),
    Case("a text", [CONTACT], [Reason("textOnly")], html=False),
    Case("a stranger", [one("stranger")],
         [Reason("noRecord", ("f.stranger@example.com",)), NOBODY_TO_FOLLOW]),
    Case("a stranger beside a contact", [CONTACT, one("stranger")],
         [Reason("noRecord", ("f.stranger@example.com",))]),
    Case("a stranger in cc", [CONTACT, one("stranger", cc=True)],
         [Reason("noRecord", ("f.stranger@example.com",))]),
    Case("two strangers are both named, each once",
         [CONTACT, one("b"), one("a", cc=True), one("b", cc=True)],
         [Reason("noRecord", ("f.b@example.com", "f.a@example.com"))]),
    Case("an opportunity", [one("deal", ("opportunity", "f-5"))],
         [Reason("otherRecordTypes", ("f.deal@example.com",)), NOBODY_TO_FOLLOW]),
    Case("an opportunity beside a contact", [CONTACT, one("deal", ("opportunity", "f-5"))],
         [Reason("otherRecordTypes", ("f.deal@example.com",))]),
    Case("an address that resolves to an opportunity", [CONTACT, one("deal")],
         [Reason("otherRecordTypes", ("f.deal@example.com",))]),
    Case("a record named that is of another type than the stored one",
         [one("li", ("opportunity", "x"))],
         [Reason("otherRecordTypes", ("f.li@example.com",)), NOBODY_TO_FOLLOW]),
    Case("a type in capitals", [one("li", ("Contact", "f-1"))],
         [Reason("otherRecordTypes", ("f.li@example.com",)), NOBODY_TO_FOLLOW]),
    Case("only a bcc", [one("li", ("contact", "f-1"), bcc=True)], [NOBODY_TO_FOLLOW]),
    Case("nobody at all", [], [NOBODY_TO_FOLLOW]),
    Case("somebody who opted out", [one("sam", ("contact", "f-4"))],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("somebody who opted out, found by address", [one("sam")],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("somebody in bcc who opted out", [CONTACT, one("sam", bcc=True)],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("an opportunity in bcc that opted out", [CONTACT, one("never", bcc=True)],
         [Reason("recipientOptedOut", ("f.never@example.com",))]),
    Case("a no with this message", [one("li", ("contact", "f-1"), follow=False)],
         [Reason("recipientOptedOut", ("f.li@example.com",))]),
    Case("a no with this message for an unknown id", [one("n", ("contact", "n"), follow=False)],
         [Reason("recipientOptedOut", ("f.n@example.com",))]),
    Case("a no with this message in bcc",
         [CONTACT, one("n", ("lead", "n"), bcc=True, follow=False)],
         [Reason("recipientOptedOut", ("f.n@example.com",))]),
    Case("a yes with this message does not outdo a stored no",
         [one("sam", ("contact", "f-4"), follow=True)],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("an id nobody has stored does not outdo the no of a record with that address",
         [one("sam", ("contact", "nobody-knows"))],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("another record that is named does not outdo the no of one with that address",
         [one("sam", ("contact", "f-1"))],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("the yes of the record that is named does not outdo the no of its twin",
         [one("twice", ("contact", "f-9"))],
         [Reason("recipientOptedOut", ("f.twice@example.com",))]),
    Case("the no of the record that is named holds at an address it does not have",
         [one("elsewhere", ("contact", "f-4"))],
         [Reason("recipientOptedOut", ("f.elsewhere@example.com",))]),
    Case("a record that is named in bcc does not outdo a stored no",
         [CONTACT, one("sam", ("lead", "nobody-knows"), bcc=True)],
         [Reason("recipientOptedOut", ("f.sam@example.com",))]),
    Case("one of two records with that address says no", [one("twice")],
         [Reason("recipientOptedOut", ("f.twice@example.com",))]),
    Case("twenty-one", MANY, [Reason("bulk", limit=20)]),
    Case("four where the limit is three, bcc counted", [*MANY[:3], one("x", bcc=True)],
         [Reason("bulk", limit=3)], settings=OrganizationSettings(recipient_limit=3)),
    Case("everything at once",
         [one("stranger"), one("deal"), one("sam", bcc=True), one("b", bcc=True)],
         [Reason("engagementOff"), Reason("sellerChoseNot"), Reason("textOnly"),
          Reason("bulk", limit=3), Reason("noRecord", ("f.stranger@example.com",)),
          Reason("otherRecordTypes", ("f.deal@example.com",)),
          Reason("recipientOptedOut", ("f.sam@example.com",)), NOBODY_TO_FOLLOW],
         choice=FollowChoice.OFF, html=False,
         settings=OrganizationSettings(engagement=False, recipient_limit=3)),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def organization(shared_contoso: Organization) -> AsyncIterator[Organization]:
    for record in RECORDS:
        await store_record(shared_contoso, record)
    yield shared_contoso


async def decide(organization: Organization, case: Case) -> Decision:
    return await decide_follow(
        organization, case.settings, case.recipients, case.choice, has_html=case.html
    )


@pytest.mark.parametrize("case", FOLLOWED, ids=lambda case: case.what)
async def test_it_is_followed_f1(organization: Organization, case: Case) -> None:
    decision = await decide(organization, case)
    assert (decision.followed, decision.reasons) == (True, ())


@pytest.mark.parametrize("case", NOT_FOLLOWED, ids=lambda case: case.what)
async def test_it_is_not_followed_and_every_reason_is_told_f2(
    organization: Organization, case: Case
) -> None:
    decision = await decide(organization, case)
    assert list(decision.reasons) == case.reasons
    assert decision.followed is False


async def test_a_crowd_of_strangers_is_not_named_one_by_one(organization: Organization) -> None:
    """Up to 500 people can be in one message; a sentence with all of them helps nobody."""
    case = Case("a crowd", [one(f"{n:03d}") for n in range(500)])
    reason = next(r for r in (await decide(organization, case)).reasons if r.code == "noRecord")
    assert reason.who[:2] == ("f.000@example.com", "f.001@example.com")
    for language in LANGUAGES:
        assert len(follow_reason(language, reason)) < 1_000


async def test_a_preference_is_the_recipients_not_the_messages_f5(
    organization: Organization,
) -> None:
    """The same address twice, once with a no: for that address it is no."""
    case = Case(
        "twice",
        [one("li", ("contact", "f-1")), one("li", ("contact", "f-1"), cc=True, follow=False)],
    )
    assert preferences((await decide(organization, case)).recipients) == {"f.li@example.com": False}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_reason_has_its_sentence_in_every_language_f2(
    organization: Organization, language: str
) -> None:
    for case in NOT_FOLLOWED:
        for reason in (await decide(organization, case)).reasons:
            sentence = follow_reason(language, reason)
            assert sentence.endswith(".")
            assert all(who in sentence for who in reason.who)
