"""The recommended time as the time of a message: `sendAt: "recommended"` (rules D1 to D3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.errors import Problem, Refusal
from shared.languages import say, sentence_id
from shared.messages.rows import instant_text
from shared.model import JsonObject, Recipient, SendTime
from shared.organizations import Organization
from shared.timing.delivery_time import Evidence, Recommended, recommend
from shared.timing.local_times import installed_rules


async def recommended_send_time(
    organization: Organization, recipients: Sequence[Recipient], now: datetime, language: str
) -> SendTime:
    """When a message to these recipients is to be sent: `now` in the recipient's business hours,
    outside them a time of the recipient's clock, which stays one when zone rules change.

    Raises `Refusal` 422 with the reason, in `language`, where no time can be recommended.
    """
    answer = await recommend(organization, recipients, now)
    if answer.recommended is None:
        assert answer.reason is not None
        sentence = reason_shown(answer.reason, language)
        raise Refusal(422, sentence, (Problem("/sendAt", sentence),), code=answer.reason)
    found = answer.recommended
    basis = basis_shown(found)
    if found.at <= now:
        return SendTime(found.at, None, basis, found.time_zone)
    time = installed_rules().send_time(found.local.isoformat(timespec="minutes"), found.time_zone)
    return SendTime(time.at, time.local, basis, found.time_zone)


def recommended_shown(recommended: Recommended) -> JsonObject:
    """A recommendation as the API shows it."""
    return {
        "at": instant_text(recommended.at),
        "timeZone": recommended.time_zone,
        "local": recommended.local.isoformat(timespec="minutes"),
        **basis_shown(recommended),
    }


def basis_shown(recommended: Recommended) -> JsonObject:
    """What a recommendation rests on: what told the zone, and the evidence for the hour."""
    return {"source": recommended.source.value, "evidence": _evidence(recommended.evidence)}


def reason_shown(code: str, language: str) -> str:
    """Why no time can be recommended, for people."""
    return say(language, sentence_id("delivery-time", code))


def _evidence(evidence: Evidence) -> JsonObject:
    best = evidence.best
    return {
        "decidedBy": "history" if evidence.by_history else "businessHours",
        "opens": evidence.opens,
        "recipientOpens": evidence.recipient_opens,
        "since": evidence.since.isoformat() if evidence.since else None,
        "bestHour": best
        and {
            # ISO 8601: Monday is 1.
            "weekday": best.weekday + 1,
            "local": f"{best.hour:02d}:00",
            "timesAverage": round(best.times_average, 2),
        },
    }
