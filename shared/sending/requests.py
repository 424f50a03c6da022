"""What a caller may ask to be sent, and its rules (api.md of the contract; rule S1)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue

from shared.attachments.requests import (
    AttachmentChanges,
    AttachmentRequest,
    Attachments,
    attachment_problems,
)
from shared.attachments.staging import GivenFiles
from shared.errors import Problem, Refusal
from shared.messages.rows import MESSAGE_ID, MessageRow
from shared.model import (
    Attachment,
    Content,
    FollowChoice,
    Recipient,
    RecordRef,
    Reminder,
    Seller,
    SendTime,
    Status,
)
from shared.sending.accept import Order
from shared.sending.signature import signature_of
from shared.timing.reminder_requests import read_reminder
from shared.timing.send_times import read_send_time
from shared.web.fields import (
    Line,
    MailAddress,
    Name,
    Phone,
    PostalAddress,
    RecordId,
    RecordType,
    RequestModel,
    TimeZoneName,
)
from shared.web.requests import parse

LARGEST_HTML = 1024 * 1024
"""Bytes of UTF-8 in `html` or `text`."""

MOST_RECIPIENTS = 500
"""What Exchange takes in one message."""

LARGEST_INLINE = 3 * 1024 * 1024
"""Bytes of all files together that come inside a request."""

_INTERNET_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}@[!-;=?-~]{1,400}>")

NOT_YET = ("template",)


def _answered_id(value: str) -> str:
    if not (MESSAGE_ID.fullmatch(value) or _INTERNET_MESSAGE_ID.fullmatch(value)):
        raise ValueError("This is neither the id of a message nor a <Message-ID>")
    return value


AnsweredId = Annotated[str, AfterValidator(_answered_id)]
"""The id of a message of ours, or the `<Message-ID>` of a mail (RFC 5322 §3.6.4)."""


class Ref(RequestModel):
    type: RecordType
    id: RecordId

    def to_ref(self) -> RecordRef:
        return RecordRef(self.type, self.id)


class RecipientRecord(Ref):
    """A recipient's record; what is said here beside its id applies to this message only."""

    time_zone: TimeZoneName | None = None
    address: PostalAddress | None = None
    phone: Phone | None = None
    follow_email: bool | None = None


class RecipientRequest(RequestModel):
    address: MailAddress
    name: Name | None = None
    record: RecipientRecord | None = None

    @staticmethod
    def of(one: Recipient) -> dict[str, Any]:
        """A recipient as a caller would say it."""
        record = one.record and {
            "type": one.record.type,
            "id": one.record.id,
            "followEmail": one.follow_email,
            "timeZone": one.time_zone,
            "address": one.postal_address,
            "phone": one.phone,
        }
        return {"address": one.address, "name": one.name, "record": record}

    def to_recipient(self, field: str) -> Recipient:
        plain = Recipient(field, self.address, self.name)
        record = self.record
        if record is None:
            return plain
        return replace(
            plain,
            record=record.to_ref(),
            follow_email=record.follow_email,
            time_zone=record.time_zone,
            postal_address=record.address.model_dump(exclude_none=True) if record.address else None,
            phone=record.phone,
        )


Recipients = Annotated[list[RecipientRequest], Field(max_length=MOST_RECIPIENTS)]


class Addressed(RequestModel):
    """Who a message goes to; also the whole of a follow-check."""

    to: Recipients = []
    cc: Recipients = []
    bcc: Recipients = []

    def recipients(self) -> tuple[Recipient, ...]:
        return tuple(
            one.to_recipient(field)
            for field, many in (("to", self.to), ("cc", self.cc), ("bcc", self.bcc))
            for one in many
        )


class MessageRequest(Addressed):
    """A message to send. Fields of later versions are known here only to say so."""

    from_: Annotated[MailAddress, Field(alias="from")]
    seller: MailAddress | None = None
    regarding: Ref | None = None
    in_reply_to: AnsweredId | None = None
    copies: Literal["one", "individual"] = "one"
    draft: bool = False
    signature: bool = True
    subject: Annotated[Line, Field(max_length=998)] = ""
    html: str | None = None
    text: str | None = None
    template: JsonValue = None
    attachments: Attachments | None = None
    follow: Annotated[FollowChoice, Field(strict=False)] = FollowChoice.PREFERRED
    send_at: JsonValue = None
    reminder: JsonValue = None

    @property
    def seller_address(self) -> str:
        return (self.seller or self.from_).lower()

    def files(self, first: int = 1) -> dict[int, AttachmentRequest]:
        """The files by their numbers; new ones are numbered from `first` on."""
        numbers = itertools.count(first)
        return {one.kept or next(numbers): one for one in self.attachments or ()}

    def to_order(
        self,
        brought: GivenFiles,
        send_time: SendTime | None,
        seller: Seller,
        language: str,
        *,
        stored: Sequence[Attachment] = (),
        first: int = 1,
    ) -> Order:
        """What is asked for: with what its seller decided until now, with the files that come with
        the request, numbered from `first` on, and those that are stored and stay."""
        known = {one.number: one for one in (*stored, *brought.attachments)}
        attachments = tuple(
            replace(known[number], follow=one.follow)
            if "follow" in one.model_fields_set
            else known[number]
            for number, one in self.files(first).items()
        )
        return Order(
            content=self._content(attachments, seller),
            from_=self.from_.lower(),
            seller=self.seller_address,
            follow=self.follow,
            language=language,
            files=brought,
            draft=self.draft,
            send_time=send_time,
        )

    def _content(self, attachments: tuple[Attachment, ...], seller: Seller) -> Content:
        return Content(
            subject=self.subject,
            html=self.html,
            text=self.text,
            recipients=self.recipients(),
            regarding=self.regarding.to_ref() if self.regarding else None,
            attachments=attachments,
            individual=self.copies == "individual",
            in_reply_to=self.in_reply_to,
            signature=signature_of(seller, html=self.html is not None) if self.signature else None,
        )


class MessageChange(MessageRequest):
    """A message as it shall be: what the caller says, and what stays of it."""

    # A narrower kind of list; nobody writes to a request.
    attachments: AttachmentChanges | None = None  # type: ignore[assignment]

    @classmethod
    def of(cls, message: MessageRow, content: Content, changes: dict[str, Any]) -> Self:
        """The message with these fields changed, under the rules of a new one; `Refusal` 422.

        Only its `sendAt` stays unsaid: a time that was right when it was given may have passed.
        """
        people: dict[str, list[dict[str, Any]]] = {"to": [], "cc": [], "bcc": []}
        for one in content.recipients:
            people[one.field].append(RecipientRequest.of(one))
        stays = {
            **people,
            "from": message.from_,
            "seller": message.seller,
            "regarding": asdict(content.regarding) if content.regarding else None,
            "copies": "individual" if content.individual else "one",
            "draft": message.status is Status.DRAFT,
            "subject": content.subject,
            "html": content.html,
            "text": content.text,
            "attachments": [
                {"id": str(one.number), "follow": one.follow} for one in content.attachments
            ],
            "follow": message.follow_choice.value,
            "inReplyTo": content.in_reply_to,
            "signature": content.signature is not None,
        }
        return parse(cls, stays | changes)


class RetryRequest(RequestModel):
    """What to do about a message that failed."""

    even_if_sent: bool = False


def refuse_too_large(value: dict[str, Any]) -> None:
    """413 where a body is over its limit; said before anything else is looked at."""
    for name in ("html", "text"):
        body = value.get(name)
        if isinstance(body, str) and len(body.encode("utf-8", "surrogatepass")) > LARGEST_HTML:
            raise Refusal(
                413,
                f"{name} is larger than 1 MB ({LARGEST_HTML:,} bytes). "
                "Link to large images instead of carrying them inside.",
                (Problem(f"/{name}", "Larger than 1 MB."),),
            )
    if _inline_size(value.get("attachments")) > LARGEST_INLINE:
        raise Refusal(
            413,
            "The files inside the request are larger than 3 MB together. "
            "Upload large ones first (POST …/uploads), and name the upload.",
            (Problem("/attachments", "Larger than 3 MB together."),),
        )


def _inline_size(attachments: Any) -> int:
    """About how many bytes the files inside a request have; nothing about it is checked yet."""
    if not isinstance(attachments, list):
        return 0
    contents = (one.get("content") for one in attachments if isinstance(one, dict))
    return sum((len(one) - one.count("=")) * 3 // 4 for one in contents if isinstance(one, str))


def refuse_too_many(recipients: Sequence[Recipient]) -> None:
    """422 where a message would have more recipients than Exchange takes."""
    if len(recipients) > MOST_RECIPIENTS:
        detail = f"A message has at most {MOST_RECIPIENTS} recipients."
        raise Refusal(422, detail, (Problem("/to", detail),))


def check(
    request: MessageRequest, now: datetime, stored: Sequence[Attachment] = ()
) -> SendTime | None:
    """422 with everything about the request that cannot be done; returns when to send it.

    A draft need not be complete. `stored` are the files that the message has already.
    """
    refuse_too_many(request.recipients())
    problems = list(_problems(request, {one.number: one for one in stored}))
    if not request.draft:
        problems += _missing(request)
    send_time = None
    try:
        send_time = read_send_time(request.send_at, now)
    except Refusal as refusal:
        problems += refusal.problems
    if problems:
        raise Refusal(422, "The message cannot be sent like this; see errors.", tuple(problems))
    return send_time


def reminder_of(
    request: MessageRequest, send_time: SendTime | None, now: datetime
) -> Reminder | None:
    """The reminder that is asked for; `Refusal` 422 where it cannot be."""
    after = send_time.at if send_time else now
    return read_reminder(request.reminder, request.follow, after, now)


def _problems(request: MessageRequest, stored: Mapping[int, Attachment]) -> Iterator[Problem]:
    values = request.model_dump(by_alias=True)
    for name in NOT_YET:
        if values[name] not in (None, []):
            yield Problem(f"/{name}", "This is not available yet.")
    yield from attachment_problems(request.attachments or (), stored)
    if request.html is not None and request.text is not None:
        yield Problem("/text", "Send html or text, not both: the text part is made from the html.")
    if request.copies == "individual":
        yield from _together(request)


def _missing(request: MessageRequest) -> Iterator[Problem]:
    """What only a draft may do without."""
    if not request.recipients():
        yield Problem("/to", "A message needs at least one recipient.")
    if not request.subject.strip() and not request.template:
        yield Problem("/subject", "A message needs a subject.")
    if request.html is None and request.text is None and not request.template:
        yield Problem("/html", "A message needs html, or text.")


def _together(request: MessageRequest) -> Iterator[Problem]:
    """What copies of their own for everybody do not go with (rule S6)."""
    for name, many in (("cc", request.cc), ("bcc", request.bcc)):
        if many:
            yield Problem(f"/{name}", "Individual copies go to recipients in to only.")
    seen: set[str] = set()
    for place, one in enumerate(request.to):
        if one.address.lower() in seen:
            yield Problem(f"/to/{place}/address", "This recipient would get two copies.")
        seen.add(one.address.lower())
