"""Which organizations there are, and what each one has: its storage and its settings.

The registry comes from the deployment's settings (written by the infrastructure); an organization's
own settings are one row of its own table, so that nothing of one is ever kept with another's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.errors import Changed, Conflict
from shared.model import CardKind, IpHandling, JsonObject
from shared.settings import OrganizationEntry
from shared.storage.blobs import Blobs
from shared.storage.tables import Read, Tables

SETTINGS_KEY = ("settings", "organization")

Intervals = tuple[tuple[datetime, datetime | None], ...]
"""When something was on, oldest first; the last is open (None) while it is on."""


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """What an organization decides for itself (rule A2).

    `attachment_limit` is what the attached files of a message may have together, in bytes as they
    travel in a mail (Exchange's own limit). Followed files go to the drive `file_drive`, else to
    the sender's own OneDrive; their links live for `file_link_days`. A mailbox sends
    `sends_a_minute` messages at most, and works on `sends_at_once`.
    `collecting` holds the intervals in which engagement was on, oldest first; the last is open
    (None) while it is on. A fact counts if it happened inside one, however late it arrives (rule
    F6). `ip_handling` says what is kept of recipients' addresses; hits from `own_networks` (CIDR)
    are the organization's own. Without `assistant` no cards are made, and `assisting` says when it
    was on; `cards` says which kinds of cards are made (those not named are).
    """

    engagement: bool = True
    recipient_limit: int = 20
    sending_mailboxes: tuple[str, ...] = ()
    language: str = "en"
    attachment_limit: int = 25 * 1024 * 1024
    file_drive: str | None = None
    file_link_days: int = 180
    sends_a_minute: int = 30
    sends_at_once: int = 4
    collecting: Intervals = ()
    ip_handling: IpHandling = IpHandling.DROPPED
    own_networks: tuple[str, ...] = ()
    assistant: bool = True
    assisting: Intervals = ()
    cards: Mapping[CardKind, bool] = field(default_factory=dict)

    def makes_cards(self, kind: CardKind) -> bool:
        """Whether sellers may get cards of this kind (rule R3)."""
        return self.assistant and self.cards.get(kind, True)

    def collected_at(self, instant: datetime) -> bool:
        """Whether engagement was on at that instant. Never switched means: always on."""
        return self.collected_from(instant, instant)

    def collected_from(self, start: datetime, end: datetime) -> bool:
        """Whether engagement was on all the time from one instant to another."""
        return _on_throughout(self.collecting, self.engagement, start, end)

    def assisted_from(self, start: datetime, end: datetime) -> bool:
        """Whether the assistant was on all the time from one instant to another."""
        return _on_throughout(self.assisting, self.assistant, start, end)

    def with_engagement(self, on: bool, now: datetime) -> OrganizationSettings:
        """The settings with collecting switched on or off from `now` on."""
        if on == self.engagement:
            return self
        return replace(self, engagement=on, collecting=_switched(self.collecting, on, now))

    def with_assistant(self, on: bool, now: datetime) -> OrganizationSettings:
        """The settings with the assistant switched on or off from `now` on."""
        if on == self.assistant:
            return self
        return replace(self, assistant=on, assisting=_switched(self.assisting, on, now))


def _on_throughout(intervals: Intervals, on: bool, start: datetime, end: datetime) -> bool:
    if not intervals:
        return on
    return any(since <= start and (until is None or end < until) for since, until in intervals)


def _switched(intervals: Intervals, on: bool, now: datetime) -> Intervals:
    if on:
        return (*intervals, (now, None))
    if not intervals:
        return ((datetime.min.replace(tzinfo=now.tzinfo), now),)
    return (*intervals[:-1], (intervals[-1][0], now))


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization: who it is, its storage, and its settings, read when asked."""

    entry: OrganizationEntry
    tables: Tables
    blobs: Blobs

    @property
    def id(self) -> str:
        return self.entry.id

    async def settings(self) -> OrganizationSettings:
        read = await self.tables.get("settings", *SETTINGS_KEY)
        return _from_row(read)

    async def change_settings(
        self, change: Callable[[OrganizationSettings], OrganizationSettings]
    ) -> OrganizationSettings:
        """Applies a change under the row's ETag, again while somebody else gets in between."""
        while True:
            read = await self.tables.get("settings", *SETTINGS_KEY)
            before = _from_row(read)
            after = change(before)
            if after == before:
                return before
            row = _to_row(after)
            try:
                if read is None:
                    await self.tables.insert("settings", row)
                else:
                    await self.tables.replace("settings", row, read.etag)
            except (Changed, Conflict):
                continue
            return after

    def may_send_from(self, mailbox: str, settings: OrganizationSettings) -> bool:
        """Whether a mailbox is one of the organization's sending mailboxes (rule A2).

        Those listed in its settings, else all; of its own domains in any case, so that no
        organization sends as another (rule A1).
        """
        mailbox = mailbox.lower()
        listed = not settings.sending_mailboxes or mailbox in settings.sending_mailboxes
        return listed and self.has_domain_of(mailbox)

    def has_domain_of(self, address: str) -> bool:
        return address.lower().rpartition("@")[2] in self.entry.domains


class Organizations:
    """All organizations of the deployment; clients are made lazily and kept."""

    def __init__(
        self, entries: Mapping[str, OrganizationEntry], storage_keys: Mapping[str, str]
    ) -> None:
        self._entries = entries
        self._storage_keys = storage_keys
        self._made: dict[str, Organization] = {}

    def get(self, organization: str) -> Organization | None:
        """The organization with that id, or None where there is none (any more)."""
        made = self._made.get(organization)
        if made is None and organization in self._entries:
            entry = self._entries[organization]
            key = self._storage_keys.get(organization)
            made = Organization(entry, Tables(entry.tables, key), Blobs(entry.blobs, key))
            self._made[organization] = made
        return made

    def all(self) -> list[Organization]:
        return [made for id_ in self._entries if (made := self.get(id_)) is not None]

    def of_person(self, tenant: str, address: str) -> Organization | None:
        """The organization of somebody who signed in with that Entra tenant.

        Where several organizations share a tenant, the domain of the person's address tells.
        """
        found = [one for one in self.all() if one.entry.tenant.lower() == tenant.lower()]
        if len(found) > 1:
            found = [one for one in found if one.has_domain_of(address)]
        return found[0] if len(found) == 1 else None

    async def close(self) -> None:
        for organization in self._made.values():
            await organization.tables.close()
            await organization.blobs.close()
        self._made.clear()


def _from_row(read: Read | None) -> OrganizationSettings:
    default = OrganizationSettings()
    if read is None:
        return default
    value: JsonObject = json.loads(read.row["value"])
    return OrganizationSettings(
        engagement=value["engagement"],
        recipient_limit=value["recipientLimit"],
        sending_mailboxes=tuple(value["sendingMailboxes"]),
        language=value["language"],
        attachment_limit=value.get("attachmentLimit", default.attachment_limit),
        file_drive=value.get("fileDrive"),
        file_link_days=value.get("fileLinkDays", default.file_link_days),
        sends_a_minute=value.get("sendsPerMinute", default.sends_a_minute),
        sends_at_once=value.get("sendsAtOnce", default.sends_at_once),
        collecting=_intervals(value["collecting"]),
        ip_handling=IpHandling(value.get("ipHandling", default.ip_handling)),
        own_networks=tuple(value.get("ownNetworks", ())),
        assisting=_intervals(value.get("assisting", [])),
        assistant=value.get("assistant", default.assistant),
        cards={CardKind(kind): on for kind, on in value.get("cards", {}).items()},
    )


def _to_row(settings: OrganizationSettings) -> dict[str, Any]:
    value = {
        "engagement": settings.engagement,
        "recipientLimit": settings.recipient_limit,
        "sendingMailboxes": list(settings.sending_mailboxes),
        "language": settings.language,
        "attachmentLimit": settings.attachment_limit,
        "fileDrive": settings.file_drive,
        "fileLinkDays": settings.file_link_days,
        "sendsPerMinute": settings.sends_a_minute,
        "sendsAtOnce": settings.sends_at_once,
        "collecting": _texts(settings.collecting),
        "ipHandling": settings.ip_handling,
        "ownNetworks": list(settings.own_networks),
        "assisting": _texts(settings.assisting),
        "assistant": settings.assistant,
        "cards": dict(settings.cards),
    }
    partition, key = SETTINGS_KEY
    # As bytes, of which a property holds twice as many as it holds characters.
    text = json.dumps(value, ensure_ascii=False).encode()
    return {"PartitionKey": partition, "RowKey": key, "schema": 1, "value": text}


def _intervals(texts: list[list[str]]) -> Intervals:
    read = datetime.fromisoformat
    return tuple((read(start), read(end) if end else None) for start, end in texts)


def _texts(intervals: Intervals) -> list[list[str | None]]:
    return [[start.isoformat(), end.isoformat() if end else None] for start, end in intervals]
