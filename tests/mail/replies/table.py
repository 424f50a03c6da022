"""What each mail beside this file is: written as real programs and people write, by nobody else.

All answer or return the message `OFFER`, which went to sam@example.com, unless they say otherwise.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

OFFER = "<offer-1@contoso.com>"


@dataclass(frozen=True)
class Expected:
    """`what` is the kind, with what of it where there is more to say."""

    what: str
    back: date | None = None
    failed: tuple[str, ...] = ()
    """Address, severity and status, by spaces."""
    names_offer: bool = True


def mail(name: str) -> bytes:
    return (Path(__file__).parent / f"{name}.eml").read_bytes()


_REPLIES = (
    *("outlook-desktop-en", "gmail-web-pt", "apple-mail-de", "thunderbird-es", "outlook-web-ja"),
    *("long-thread-changed-subject", "delegate-of-the-recipient", "forwarded-to-somebody-else"),
    *("in-reply-to-without-brackets", "quotes-a-bounce", "holiday-told-by-a-person"),
    *("thanks-from-a-person", "mailing-list-member", "auto-submitted-no"),
    "subject-broken-by-a-stranger",
)
_JUNE_15 = date(2026, 6, 15)
_UNKNOWN = ("sam@example.com permanent 5.1.1",)
_NO_CODE = ("sam@example.com permanent -",)

MAILS: dict[str, Expected] = {
    **{name: Expected("reply") for name in _REPLIES},
    "new-mail-from-a-person": Expected("reply", names_offer=False),
    "forwards-a-bounce": Expected("reply", names_offer=False),
    "exchange-away-en": Expected("outOfOffice", _JUNE_15),
    "exchange-away-pt": Expected("outOfOffice", _JUNE_15),
    "exchange-away-es": Expected("outOfOffice", date(2026, 7, 5)),
    "exchange-away-de": Expected("outOfOffice", _JUNE_15),
    "exchange-away-ja": Expected("outOfOffice", _JUNE_15),
    "exchange-away-fr": Expected("outOfOffice", _JUNE_15),
    "exchange-away-without-headers": Expected("outOfOffice", names_offer=False),
    "away-with-no-date": Expected("outOfOffice"),
    "gmail-vacation": Expected("outOfOffice", date(2026, 6, 22)),
    "postfix-vacation": Expected("outOfOffice", _JUNE_15),
    "sieve-vacation": Expected("outOfOffice"),
    "domino-agent": Expected("outOfOffice", _JUNE_15, names_offer=False),
    "apple-vacation": Expected("outOfOffice"),
    "help-desk-zendesk": Expected("acknowledgement"),
    "help-desk-otrs": Expected("acknowledgement"),
    "help-desk-jira": Expected("acknowledgement"),
    "help-desk-freshdesk-pt": Expected("acknowledgement"),
    "no-reply-acknowledgement": Expected("acknowledgement", names_offer=False),
    "answering-address-without-return-path": Expected("acknowledgement"),
    "read-receipt": Expected("receipt"),
    "postfix-unknown-user": Expected("bounce", failed=_UNKNOWN),
    "sendmail-mailbox-full": Expected("bounce", failed=("sam@example.com temporary 4.2.2",)),
    "exchange-on-premises": Expected("bounce", failed=_UNKNOWN),
    "exchange-online-two-recipients": Expected(
        "bounce",
        failed=("sam@example.com permanent 5.1.10", "noor@example.net permanent 5.7.1"),
    ),
    "gmail-address-not-found": Expected("bounce", failed=_UNKNOWN),
    "action-before-recipient": Expected("bounce", failed=_UNKNOWN),
    "fields-apart-by-blank-lines": Expected("bounce", failed=("sam@example.com permanent 5.0.0",)),
    "forwarded-address-keeps-the-original": Expected(
        "bounce", failed=("sam@example.com permanent 5.2.1",)
    ),
    "report-without-its-parts": Expected("bounce", names_offer=False),
    "report-inside-a-report": Expected("bounce", failed=_UNKNOWN),
    "exim": Expected("bounce", failed=_UNKNOWN),
    "exim-without-its-header": Expected("bounce", failed=("sam@example.com temporary -",)),
    "qmail": Expected("bounce", failed=_UNKNOWN),
    "exchange-5": Expected("bounce", failed=_NO_CODE, names_offer=False),
    "domino": Expected("bounce", failed=_NO_CODE, names_offer=False),
    "yahoo": Expected("bounce", failed=("sam@example.com permanent 5.7.1",)),
    "groupwise": Expected("bounce", failed=_NO_CODE, names_offer=False),
    "japanese-filter": Expected("bounce", failed=_NO_CODE),
    "russian-exim": Expected("bounce", failed=_UNKNOWN, names_offer=False),
    "french-rejection-from-a-plain-address": Expected("bounce", failed=_NO_CODE, names_offer=False),
    "bounce-in-german-and-english": Expected("bounce", failed=("sam@example.com temporary -",)),
    "refused-by-a-filter-rule": Expected("bounce", failed=("sam@example.com temporary -",)),
    "postfix-delayed": Expected("delayed", failed=("sam@example.com delayed 4.4.1",)),
    "gmail-delayed": Expected("delayed", failed=("sam@example.com delayed 4.4.1",)),
    "exim-delayed": Expected("delayed", failed=("sam@example.com delayed -",), names_offer=False),
    "postfix-delivered": Expected("delivered"),
    "newsletter": Expected("newsletter", names_offer=False),
    "meeting-accepted": Expected("calendar"),
    "spam-complaint": Expected("complaint", names_offer=False),
}
