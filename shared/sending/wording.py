"""Codes of messages in words: why one is not followed, why one was not sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shared.languages import say, sentence_id
from shared.messages.rows import CopyRow, MessageRow
from shared.model import Failure, Reason


def follow_reason(language: str, reason: Reason) -> str:
    """A reason against following as a sentence (rule F2)."""
    values: dict[str, Any] = {}
    if reason.who:
        values["who"] = reason.who
    if reason.limit is not None:
        values["limit"] = reason.limit
    return say(language, sentence_id("follow", reason.code), **values)


def failure_text(language: str, failure: Failure) -> str:
    """Why a message was not sent, and what to do about it."""
    values: dict[str, Any] = dict(failure.values)
    if "count" in values:
        values["count"] = int(values["count"])
    if "who" in values:
        values["who"] = [values["who"]]
    return say(language, sentence_id("failure", failure.code), **values)


def reasons_shown(reasons: tuple[Reason, ...], language: str) -> list[dict[str, str]]:
    """Reasons as the API shows them: the code, and the sentence in the caller's language."""
    return [{"code": reason.code, "message": follow_reason(language, reason)} for reason in reasons]


def warnings_shown(bounced: Sequence[str], language: str) -> list[dict[str, Any]]:
    """What a seller should know before a message goes out: addresses that a hard bounce named
    (rule T7)."""
    code = "addressBounced"
    return [
        {
            "code": code,
            "message": say(language, sentence_id("warning", code), who=[address]),
            "address": address,
        }
        for address in bounced
    ]


def sentences(message: MessageRow, language: str, copies: Iterable[CopyRow] = ()) -> dict[str, Any]:
    """What the API says of a message in words, and of those of its copies that failed."""
    return {
        "reasons": reasons_shown(message.reasons, language),
        "failure": failure_shown(message.failure, language),
        "copies": {copy.number: failure_shown(copy.failure, language) for copy in copies},
    }


def failure_shown(failure: Failure | None, language: str) -> dict[str, str] | None:
    """A failure as the API shows it: the code, and the sentence in the caller's language."""
    if failure is None:
        return None
    return {"code": failure.code, "message": failure_text(language, failure)}
