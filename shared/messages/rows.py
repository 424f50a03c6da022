"""The rows of a message, as values and back. Nobody else spells their property names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.messages.chains import NO_CHAINS, Chains, chains_from_text, chains_to_text
from shared.messages.recent import NOTHING_RECENT, Recent, recent_from_text, recent_to_text
from shared.model import (
    Event,
    EventKind,
    Failure,
    FollowChoice,
    Kpis,
    Link,
    LocalTime,
    Reader,
    Reason,
    Recipient,
    RecordRef,
    Reminder,
    ReminderCondition,
    ReminderState,
    SendTime,
    Status,
    Step,
    StoredImage,
)
from shared.storage.tables import Row, inverted

TABLE = "messages"
MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
MESSAGE_KEY = "message"
SCHEMA = 1
FIRST_CONTENT = "content"
"""What the content of a message is called before anybody changed it."""

MOST_BOUNCED = 100
"""What fits into a property of a row (64 KiB), however long the addresses are."""

ERASED = "erasedAt"
"""The mark of a message that was erased: what is left of its row is this and its keys. Hits of it
that come later are refused, where a message without any row would look like an unknown one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """The one authority about a message. `version` grows with every write of the row.

    `lease_owner` may work on its sending until `lease_until`; `due_at` is when somebody must look
    at it again should nobody have finished by then, None when it is finished; nobody tries before
    `not_before`, which is when Graph told us to come again, or when the mailbox has its `turn` for
    it. `begun` counts the copies that somebody may have begun to send, `troubles` the attempts that
    Graph's answers ended, the first of them `troubled_since`. `taken_up_at` is since when it has
    been on its way, where that is later than its acceptance. `content` names the blob of its
    content; `attachments` is the highest number that a file of it ever had.
    """

    id: str
    status: Status
    seller: str
    from_: str
    subject: str
    to_text: str
    recipient_count: int
    followed: bool
    follow_choice: FollowChoice
    reasons: tuple[Reason, ...]
    language: str
    accepted_at: datetime
    taken_up_at: datetime | None = None
    send_time: SendTime | None = None
    reminder: Reminder | None = None
    content: str = FIRST_CONTENT
    copies: int = 1
    attachments: int = 0
    begun: int = 0
    sent_at: datetime | None = None
    failure: Failure | None = None
    lease_owner: str = ""
    lease_until: datetime | None = None
    troubles: int = 0
    troubled_since: datetime | None = None
    due_at: datetime | None = None
    not_before: datetime | None = None
    turn: datetime | None = None
    todo_sequence: int = 0
    kpis: Kpis = field(default_factory=Kpis)
    version: int = 1

    @property
    def tried_since(self) -> datetime:
        """Since when somebody tries to send it: since it was accepted, a draft was sent, its time
        came, or it was tried again."""
        return self.taken_up_at or self.accepted_at

    @property
    def may_change(self) -> bool:
        """Whether its sending has not begun, so that it can be changed and cancelled (rule S3)."""
        waiting = self.status in (Status.DRAFT, Status.SCHEDULED, Status.ACCEPTED)
        return waiting and not self.begun


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One sent email of a message: how far its sending is, and the counts of its own events.

    `recipient` is who it went to where it went to one person only, `reader` whose habits its opens
    tell. It can be read from
    `sending_began_at` on, before we know that it was sent. The first human open (or image),
    click and reply are kept to tell when a click or a reply is the only proof of an open, `chains`
    to tell when images are. `bounced` are the addresses that bounces named, in their order, at most
    `MOST_BOUNCED`. For cards only: the first human view of an attachment, the first bounce, the
    last human open, the last quiet time before an open, and `places`, the countries (where they
    are known) in which people opened, clicked and viewed first, and came back to open `again`.

    `links` is how many of its links are followed, those of files included; None where nobody has
    counted them. All counts are those of `settled`, and `recent` hits counted in: of these the
    verdicts may change with the next hit. `settled` has counts only, and is None where there are no
    recent hits.
    """

    number: int
    recipient: str | None
    step: Step = Step.ACCEPTED
    step_at: datetime | None = None
    sending_began_at: datetime | None = None
    sent_at: datetime | None = None
    failure: Failure | None = None
    draft_id: str | None = None
    internet_message_id: str | None = None
    conversation_id: str | None = None
    kpis: Kpis = field(default_factory=Kpis)
    first_human_open_at: datetime | None = None
    first_human_click_at: datetime | None = None
    first_human_view_at: datetime | None = None
    first_reply_at: datetime | None = None
    first_bounce_at: datetime | None = None
    last_human_open_at: datetime | None = None
    quiet: tuple[datetime, datetime] | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    inferred_open_at: datetime | None = None
    chains: Chains = NO_CHAINS
    bounced: tuple[str, ...] = ()
    links: int | None = None
    reader: Reader | None = None
    settled: CopyRow | None = None
    recent: Recent = NOTHING_RECENT

    @property
    def without_recent(self) -> CopyRow:
        """The copy as if it had had no recent hits."""
        settled = self.settled
        counts = {} if settled is None else {name: getattr(settled, name) for name in OF_HITS}
        return replace(self, settled=None, recent=NOTHING_RECENT, **counts)


OF_HITS = (
    *("kpis", "first_human_open_at", "first_human_click_at", "first_human_view_at"),
    *("last_human_open_at", "quiet", "places", "chains"),
)
"""What a hit changes of a copy. (What replies and bounces change is not told once more.)"""


def copy_key(number: int) -> str:
    return f"copy~{number:04d}"


def event_key(at: datetime, event: str) -> str:
    return f"event~{inverted(milliseconds(at))}~{event}"


def link_key(copy: int, index: int) -> str:
    return f"link~{copy:04d}~{index:06d}"


def left_link_key(copy: int, place: int) -> str:
    return f"link~{copy:04d}~left{place:06d}"


def image_key(copy: int, index: int) -> str:
    return f"image~{copy:04d}~{index:06d}"


def todo_key(sequence: int) -> str:
    return f"todo~{sequence:012d}"


def milliseconds(instant: datetime) -> int:
    """Whole milliseconds since 1970, cut and not rounded, as `instant_text` writes an instant down:
    so a key made before a row was written is the one made after it was read."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def message_to_row(message: MessageRow) -> Row:
    time = message.send_time
    local, recommended = (time.local, time.recommended) if time else (None, None)
    return filled_row(
        message.id,
        MESSAGE_KEY,
        status=message.status,
        seller=message.seller,
        sender=message.from_,
        subject=message.subject,
        toText=message.to_text,
        recipientCount=message.recipient_count,
        followed=message.followed,
        followChoice=message.follow_choice,
        reasons=json.dumps([asdict(reason) for reason in message.reasons]),
        language=message.language,
        acceptedAt=text_or_none(message.accepted_at),
        takenUpAt=text_or_none(message.taken_up_at),
        sendAt=text_or_none(time.at) if time else None,
        sendAtLocal=json.dumps(asdict(local)) if local else None,
        sendAtRecipientZone=time.recipient_zone if time else None,
        reminder=_reminder_text(message.reminder),
        sendAtRecommended=json.dumps(recommended) if recommended else None,
        content=message.content,
        copies=message.copies,
        attachments=message.attachments,
        begun=message.begun,
        sentAt=text_or_none(message.sent_at),
        failure=failure_to_text(message.failure),
        leaseOwner=message.lease_owner,
        leaseUntil=text_or_none(message.lease_until),
        troubles=message.troubles,
        troubledSince=text_or_none(message.troubled_since),
        dueAt=text_or_none(message.due_at),
        notBefore=text_or_none(message.not_before),
        turn=text_or_none(message.turn),
        todoSequence=message.todo_sequence,
        kpis=_kpis_text(message.kpis),
        version=message.version,
    )


def is_erased(row: Row) -> bool:
    """Whether a message row is only the mark that there was one."""
    return bool(row.get(ERASED))


def message_from_row(row: Row) -> MessageRow:
    return MessageRow(
        id=row["PartitionKey"],
        status=Status(row["status"]),
        seller=row["seller"],
        from_=row["sender"],
        subject=row["subject"],
        to_text=row["toText"],
        recipient_count=row["recipientCount"],
        followed=row["followed"],
        follow_choice=FollowChoice(row["followChoice"]),
        reasons=tuple(
            Reason(value["code"], tuple(value["who"]), value["limit"])
            for value in json.loads(row["reasons"])
        ),
        language=row["language"],
        accepted_at=_required(row["acceptedAt"]),
        taken_up_at=instant_or_none(row.get("takenUpAt")),
        send_time=_send_time(row),
        reminder=_reminder(row.get("reminder")),
        content=row.get("content", FIRST_CONTENT),
        copies=row["copies"],
        attachments=row.get("attachments", 0),
        begun=row["begun"],
        sent_at=instant_or_none(row.get("sentAt")),
        failure=failure_from_text(row.get("failure")),
        lease_owner=row["leaseOwner"],
        lease_until=instant_or_none(row.get("leaseUntil")),
        troubles=row["troubles"],
        troubled_since=instant_or_none(row.get("troubledSince")),
        due_at=instant_or_none(row.get("dueAt")),
        not_before=instant_or_none(row.get("notBefore")),
        turn=instant_or_none(row.get("turn")),
        todo_sequence=row["todoSequence"],
        kpis=_kpis(row["kpis"]),
        version=row["version"],
    )


def copy_to_row(message: str, copy: CopyRow) -> Row:
    return filled_row(
        message,
        copy_key(copy.number),
        recipient=copy.recipient,
        step=copy.step,
        stepAt=text_or_none(copy.step_at),
        sendingBeganAt=text_or_none(copy.sending_began_at),
        sentAt=text_or_none(copy.sent_at),
        failure=failure_to_text(copy.failure),
        draftId=copy.draft_id,
        internetMessageId=copy.internet_message_id,
        conversationId=copy.conversation_id,
        firstBounceAt=text_or_none(copy.first_bounce_at),
        firstReplyAt=text_or_none(copy.first_reply_at),
        inferredOpenAt=text_or_none(copy.inferred_open_at),
        bounced=json.dumps(copy.bounced) if copy.bounced else None,
        links=copy.links,
        reader=copy.reader.address if copy.reader else None,
        readerZone=copy.reader.time_zone if copy.reader else None,
        settled=json.dumps(_counts_of_hits(copy.settled)) if copy.settled else None,
        recent=recent_to_text(copy.recent),
        **_counts_of_hits(copy),
    )


def _counts_of_hits(copy: CopyRow) -> dict[str, str | None]:
    return {
        "kpis": _kpis_text(copy.kpis),
        "firstHumanOpenAt": text_or_none(copy.first_human_open_at),
        "firstHumanClickAt": text_or_none(copy.first_human_click_at),
        "firstHumanViewAt": text_or_none(copy.first_human_view_at),
        "lastHumanOpenAt": text_or_none(copy.last_human_open_at),
        "quietFrom": text_or_none(copy.quiet[0]) if copy.quiet else None,
        "quietUntil": text_or_none(copy.quiet[1]) if copy.quiet else None,
        "places": json.dumps(copy.places) if copy.places else None,
        "chains": chains_to_text(copy.chains),
    }


def _with_counts_of_hits(copy: CopyRow, values: Mapping[str, Any]) -> CopyRow:
    return replace(
        copy,
        kpis=_kpis(values["kpis"]),
        first_human_open_at=instant_or_none(values.get("firstHumanOpenAt")),
        first_human_click_at=instant_or_none(values.get("firstHumanClickAt")),
        first_human_view_at=instant_or_none(values.get("firstHumanViewAt")),
        last_human_open_at=instant_or_none(values.get("lastHumanOpenAt")),
        quiet=_quiet(values),
        places=json.loads(values.get("places") or "{}"),
        chains=chains_from_text(values.get("chains")),
    )


def copy_from_row(row: Row) -> CopyRow:
    number = int(row["RowKey"].partition("~")[2])
    settled = row.get("settled")
    copy = CopyRow(
        number=number,
        recipient=row.get("recipient"),
        step=Step(row["step"]),
        step_at=instant_or_none(row.get("stepAt")),
        sending_began_at=instant_or_none(row.get("sendingBeganAt")),
        sent_at=instant_or_none(row.get("sentAt")),
        failure=failure_from_text(row.get("failure")),
        draft_id=row.get("draftId"),
        internet_message_id=row.get("internetMessageId"),
        conversation_id=row.get("conversationId"),
        first_bounce_at=instant_or_none(row.get("firstBounceAt")),
        first_reply_at=instant_or_none(row.get("firstReplyAt")),
        inferred_open_at=instant_or_none(row.get("inferredOpenAt")),
        bounced=tuple(json.loads(row.get("bounced", "[]"))),
        links=row.get("links"),
        reader=Reader(row["reader"], row["readerZone"]) if row.get("reader") else None,
        settled=_with_counts_of_hits(CopyRow(number, None), json.loads(settled))
        if settled
        else None,
        recent=recent_from_text(row.get("recent"), number),
    )
    return _with_counts_of_hits(copy, row)


def event_to_row(message: str, event: Event) -> Row:
    return filled_row(
        message,
        event_key(event.at, event.id),
        kind=event.kind,
        at=text_or_none(event.at),
        copy=event.copy,
        automated=event.automated,
        reasons=" ".join(event.reasons),
        signs=" ".join(event.signs) or None,
        inferred=event.inferred,
        link=event.link,
        attachment=event.attachment,
        image=event.image,
        agent=event.agent,
        network=event.network,
        address=event.address,
        client=event.client,
        device=event.device,
        country=event.country,
        repliedBy=event.replied_by,
        returnsOn=event.returns_on.isoformat() if event.returns_on else None,
        failedAddress=event.failed_address,
    )


def event_from_row(row: Row) -> Event:
    return Event(
        id=row["RowKey"].rpartition("~")[2],
        kind=EventKind(row["kind"]),
        at=_required(row["at"]),
        copy=row["copy"],
        automated=row["automated"],
        reasons=tuple(row["reasons"].split()),
        signs=tuple(row.get("signs", "").split()),
        inferred=row["inferred"],
        link=row.get("link"),
        attachment=row.get("attachment"),
        image=row.get("image"),
        agent=row.get("agent"),
        network=row.get("network"),
        address=row.get("address"),
        client=row.get("client"),
        device=row.get("device"),
        country=row.get("country"),
        replied_by=row.get("repliedBy"),
        returns_on=date.fromisoformat(row["returnsOn"]) if "returnsOn" in row else None,
        failed_address=row.get("failedAddress"),
    )


def verdict_to_row(message: str, event: Event) -> Row:
    """What changes of an event's row when its verdict does, to be merged into it."""
    return {
        "PartitionKey": message,
        "RowKey": event_key(event.at, event.id),
        "automated": event.automated,
        "reasons": " ".join(event.reasons),
        "signs": " ".join(event.signs),
    }


LONGEST_URL = 8_000


def link_to_row(message: str, copy: int, place: int, link: Link) -> Row:
    """A link's row; one that is not followed is kept under its place in the message."""
    key = link_key(copy, link.index) if link.index is not None else left_link_key(copy, place)
    return filled_row(
        message,
        key,
        place=place,
        # A link that is too long to be followed may be too long for a row; the body has it whole.
        url=link.url[:LONGEST_URL],
        text=link.text,
        notFollowed=link.not_followed,
    )


def link_from_row(row: Row) -> Link:
    number = row["RowKey"].rpartition("~")[2]
    index = int(number) if number.isdigit() else None
    return Link(index, row["url"], row["text"], row.get("notFollowed"))


def image_to_row(message: str, copy: int, index: int, image: StoredImage) -> Row:
    return filled_row(
        message,
        image_key(copy, index),
        sha256=image.sha256,
        contentType=image.content_type,
        name=image.name,
    )


def image_from_row(row: Row) -> StoredImage:
    return StoredImage(row["sha256"], row["contentType"], row["name"])


def failure_to_text(failure: Failure | None) -> str | None:
    return json.dumps(asdict(failure)) if failure else None


def failure_from_text(text: str | None) -> Failure | None:
    return Failure(**json.loads(text)) if text else None


def recipients_to_json(recipients: tuple[Recipient, ...]) -> list[dict[str, Any]]:
    return [asdict(recipient) for recipient in recipients]


def recipients_from_json(values: list[dict[str, Any]]) -> tuple[Recipient, ...]:
    return tuple(
        replace(Recipient(**value), record=RecordRef(**value["record"]))
        if value["record"]
        else Recipient(**value)
        for value in values
    )


def kpis_to_json(kpis: Kpis) -> dict[str, Any]:
    """The KPIs as the API names them."""
    return {
        _camel(name): text_or_none(value) if isinstance(value, datetime) else value
        for name, value in asdict(kpis).items()
    }


def _kpis_text(kpis: Kpis) -> str:
    return json.dumps(kpis_to_json(kpis))


def _kpis(text: str) -> Kpis:
    values: dict[str, Any] = json.loads(text)
    for name in values:
        if name.endswith("At"):
            values[name] = instant_or_none(values[name])
    return Kpis(**{name.name: values[_camel(name.name)] for name in fields(Kpis)})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def filled_row(partition: str, key: str, /, **properties: Any) -> Row:
    """A row without empty properties: Table Storage knows no null."""
    present = {
        name: str(value) if isinstance(value, str) else value
        for name, value in properties.items()
        if value is not None
    }
    return {"PartitionKey": partition, "RowKey": key, "schema": SCHEMA, **present}


def instant_text(instant: datetime) -> str:
    """An instant as rows and answers spell it: RFC 3339, UTC, milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text_or_none(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)


def instant_or_none(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _quiet(values: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    if not values.get("quietFrom"):
        return None
    return _required(values["quietFrom"]), _required(values["quietUntil"])


def _send_time(row: Row) -> SendTime | None:
    at, local = instant_or_none(row.get("sendAt")), row.get("sendAtLocal")
    recommended = row.get("sendAtRecommended")
    if at is None:
        return None
    return SendTime(
        at,
        LocalTime(**json.loads(local)) if local else None,
        json.loads(recommended) if recommended else None,
        row.get("sendAtRecipientZone"),
    )


def _reminder_text(reminder: Reminder | None) -> str | None:
    if reminder is None:
        return None
    values = {
        name: text_or_none(value) if isinstance(value, datetime) else value
        for name, value in asdict(reminder).items()
    }
    return json.dumps(values, ensure_ascii=False)


def _reminder(text: str | None) -> Reminder | None:
    if text is None:
        return None
    values = json.loads(text)
    return Reminder(
        condition=ReminderCondition(values["condition"]),
        at=_required(values["at"]),
        set_at=_required(values["set_at"]),
        comment=values["comment"],
        state=ReminderState(values["state"]),
        reason=values["reason"],
        fired_at=instant_or_none(values["fired_at"]),
    )


def _required(text: str) -> datetime:
    return datetime.fromisoformat(text)
