"""Which message of ours a mail answers (rule T7)."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.replies.kinds import recognize
from shared.replies.mail import IncomingMail, from_mime
from shared.replies.matching import MOST_KEYS, By, Sent, answered, is_own, keys
from tests.mail.replies import table
from tests.mail.replies.table import OFFER

SENT_AT = datetime(2026, 5, 29, 9, tzinfo=UTC)


def sent(message: str, to: str = "sam@example.com", after: timedelta = timedelta()) -> Sent:
    return Sent(message, 0, SENT_AT + after, frozenset({to}))


def mail(**headers: str) -> IncomingMail:
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return IncomingMail(
        headers=given, author="sam@example.com", received_at=SENT_AT + timedelta(days=1)
    )


def ids(incoming: IncomingMail) -> list[str]:
    return [key.internet_message_id for key in keys(incoming, recognize(incoming))]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "long-thread-changed-subject",
            "forwarded-to-somebody-else",
            "in-reply-to-without-brackets",
        ),
        *(
            "delegate-of-the-recipient",
            "exchange-away-pt",
            "gmail-address-not-found",
            "read-receipt",
        ),
    ],
)
def test_the_message_is_found_by_what_the_mail_names_t7(name: str) -> None:
    incoming = from_mime(table.mail(name))
    found = answered(incoming, recognize(incoming), {OFFER: sent("offer")})
    assert found
    assert found.sent.message == "offer"


def test_what_it_answers_counts_more_than_the_thread_it_stands_in() -> None:
    incoming = mail(in_reply_to="<b@x>", references="<a@x> <b@x> <c@x>")
    assert ids(incoming) == ["<b@x>", "<c@x>", "<a@x>"]
    by_id = {"<a@x>": sent("first"), "<b@x>": sent("second")}
    found = answered(incoming, recognize(incoming), by_id)
    assert found
    assert (found.sent.message, found.by) == ("second", By.IN_REPLY_TO)


def test_a_message_that_is_named_counts_more_than_the_conversation() -> None:
    incoming = mail(in_reply_to="<b@x>")
    later = sent("later", after=timedelta(hours=1))
    found = answered(incoming, recognize(incoming), {"<b@x>": sent("named")}, [later])
    assert found
    assert found.sent.message == "named"


def test_in_a_conversation_the_last_one_before_the_answer_is_answered() -> None:
    incoming = mail()
    ours = [
        sent("second", after=timedelta(hours=2)),
        sent("first"),
        sent("third", after=timedelta(days=2)),
    ]
    found = answered(incoming, recognize(incoming), {}, ours)
    assert found
    assert (found.sent.message, found.by) == ("second", By.CONVERSATION)
    assert found.recipients == {"sam@example.com"}


def test_of_individual_copies_the_one_that_went_to_the_author_is_answered() -> None:
    incoming = mail()
    ours = [sent("to sam"), sent("to li", "li@example.com", timedelta(minutes=1))]
    found = answered(incoming, recognize(incoming), {}, ours)
    assert found
    assert found.sent.message == "to sam"


def test_somebody_whom_we_did_not_write_to_answers_and_is_no_recipient() -> None:
    incoming = from_mime(table.mail("forwarded-to-somebody-else"))
    found = answered(incoming, recognize(incoming), {OFFER: sent("offer")})
    assert found
    assert found.recipients == frozenset()


def test_a_bounce_concerns_the_recipients_who_failed() -> None:
    incoming = from_mime(table.mail("exchange-online-two-recipients"))
    offer = Sent("offer", 0, SENT_AT, frozenset({"sam@example.com", "li@example.com"}))
    found = answered(incoming, recognize(incoming), {OFFER: offer})
    assert found
    assert (found.by, found.recipients) == (By.ORIGINAL, frozenset({"sam@example.com"}))


@pytest.mark.parametrize("name", ["postfix-delayed", "postfix-delivered", "meeting-accepted"])
def test_what_is_of_no_concern_answers_nothing(name: str) -> None:
    incoming = from_mime(table.mail(name))
    assert answered(incoming, recognize(incoming), {OFFER: sent("offer")}) is None


def test_a_mail_that_names_nothing_of_ours_answers_nothing() -> None:
    incoming = mail(in_reply_to="<somebody@else>")
    assert answered(incoming, recognize(incoming), {}) is None


def test_of_a_thread_without_end_the_last_ones_and_the_first_are_looked_up() -> None:
    thread = [f"<{n}@x>" for n in range(500)]
    found = ids(mail(references=" ".join(thread)))
    assert len(found) == MOST_KEYS
    assert (found[0], found[-1]) == (thread[-1], thread[0])


def test_drafts_and_the_sellers_own_mails_are_no_replies_t7() -> None:
    own = {"Ana@Contoso.com"}
    assert is_own(IncomingMail(author="ana@contoso.com"), own)
    assert is_own(IncomingMail(author="sam@example.com", is_draft=True), own)
    assert is_own(IncomingMail(sender="ana@contoso.com"), own)
    assert not is_own(IncomingMail(author="sam@example.com", sender="ana@contoso.com"), own)
