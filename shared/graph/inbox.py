"""What arrived in a mailbox: one message, everything since an instant, or by delta; and its zone.

Immutable ids are used throughout, so that a rule that moves a message does not lose it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.graph.client import GraphTenant, graph_client, load_sdk
from shared.graph.errors import Ambiguous, translated
from shared.graph.mail import Body, Person
from shared.graph.queries import immutable_ids

if TYPE_CHECKING:
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.models.message import Message
    from msgraph.generated.models.recipient import Recipient
    from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder

PAGE_SIZE = 100
"""Arrivals with each request."""
_ARRIVAL_PROPERTIES = ["id", "receivedDateTime", "isDraft", "from"]
_PROPERTIES = [
    *_ARRIVAL_PROPERTIES,
    "sender",
    "toRecipients",
    "subject",
    "internetMessageId",
    "conversationId",
    "internetMessageHeaders",
    "body",
]
_INBOX = "inbox"
_SDK_MODULES = (
    "msgraph.generated.models.internet_message_header",
    "msgraph.generated.users.item.messages.item.value.content_request_builder",
    "msgraph.generated.users.item.mail_folders.item.messages.delta.delta_request_builder",
    "msgraph.generated.users.item.mail_folders.item.messages.delta.delta_get_response",
    "msgraph.generated.users.item.mailbox_settings.mailbox_settings_request_builder",
    "msgraph.generated.models.mailbox_settings",
)


@dataclass(frozen=True)
class Arrival:
    """That a message is in a mailbox, and enough of it to know whether to read it."""

    id: str
    received_at: datetime
    is_draft: bool
    from_: Person


@dataclass(frozen=True)
class ReceivedMail:
    """A message in a mailbox, as its owner received it (or, a draft, may send it).

    `type` is Graph's own, `#microsoft.graph.message` or a kind of `eventMessage`. `sender` differs
    from `from_` where a delegate sent it. `headers` are in their order.
    """

    id: str
    type: str
    received_at: datetime
    is_draft: bool
    from_: Person
    sender: Person
    to: tuple[Person, ...]
    subject: str
    internet_message_id: str
    conversation_id: str
    headers: tuple[tuple[str, str], ...]
    body: Body


@dataclass(frozen=True)
class DeltaPage:
    """One page of a delta. `next_link` leads to the next one; where there is none, `delta_link`
    leads to what comes later."""

    arrivals: list[Arrival]
    next_link: str | None
    delta_link: str | None


@dataclass(frozen=True)
class Inbox:
    """The mailboxes of one tenant, read. Every function raises `shared.graph.errors.GraphError`."""

    graph: GraphTenant

    async def one(self, mailbox: str, message_id: str) -> ReceivedMail:
        """The message with its headers and its body; `NotFound` where it is gone."""
        user = await self._user(mailbox)
        from msgraph.generated.users.item.messages.item.message_item_request_builder import (
            MessageItemRequestBuilder,
        )

        wanted = MessageItemRequestBuilder.MessageItemRequestBuilderGetQueryParameters(
            select=_PROPERTIES
        )
        with translated("read a received message"):
            found = await user.messages.by_message_id(message_id).get(_with(wanted))
        if found is None:
            raise Ambiguous("Graph answered for a message without it.")
        return _read(found)

    async def mime(self, mailbox: str, message_id: str) -> bytes:
        """The message as it travelled (RFC 5322); `NotFound` where it is gone."""
        user = await self._user(mailbox)
        with translated("read a message's MIME"):
            content = await user.messages.by_message_id(message_id).content.get()
        if content is None:
            raise Ambiguous("Graph answered for a message's MIME without it.")
        return content

    async def time_zone(self, mailbox: str) -> str:
        """What its owner chose in Outlook: Windows' name of a zone, an IANA name, or one of a zone
        of their own; empty where they chose none. `Refused` without `MailboxSettings.Read`."""
        user = await self._user(mailbox)
        with translated("read a mailbox's settings"):
            found = await user.mailbox_settings.get()
        return (found.time_zone if found is not None else None) or ""

    async def received_since(self, mailbox: str, since: datetime) -> AsyncIterator[list[Arrival]]:
        """Every message of all folders received at that instant or later, oldest first, by pages.

        Drafts and what was sent are among them: for Exchange they were received when made.
        """
        user = await self._user(mailbox)
        from msgraph.generated.users.item.messages.messages_request_builder import (
            MessagesRequestBuilder,
        )

        wanted = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(
            filter=f"receivedDateTime ge {_written(since)}",
            orderby=["receivedDateTime"],
            select=_ARRIVAL_PROPERTIES,
            top=PAGE_SIZE,
        )
        with translated("list received messages"):
            page = await user.messages.get(_with(wanted))
        while page is not None:
            yield [_arrival(message) for message in page.value or []]
            if not page.odata_next_link:
                return
            with translated("list received messages"):
                page = await user.messages.with_url(page.odata_next_link).get(immutable_ids())

    async def delta(self, mailbox: str, since: datetime) -> DeltaPage:
        """The first page of a delta of the inbox that begins at that instant."""
        user = await self._user(mailbox)
        from msgraph.generated.users.item.mail_folders.item.messages.delta.delta_request_builder import (  # noqa: E501
            DeltaRequestBuilder,
        )

        wanted = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(
            filter=f"receivedDateTime ge {_written(since)}", select=_ARRIVAL_PROPERTIES
        )
        return await self._delta_page(user, None, _with(wanted))

    async def delta_on(self, mailbox: str, link: str) -> DeltaPage:
        """The page that a link of a page before leads to.

        `Refused` with the status 410 means that Graph forgot the link: begin anew with a date.
        """
        return await self._delta_page(await self._user(mailbox), link, immutable_ids())

    async def _delta_page(
        self, user: UserItemRequestBuilder, link: str | None, wanted: RequestConfiguration[Any]
    ) -> DeltaPage:
        wanted.headers.add("Prefer", f"odata.maxpagesize={PAGE_SIZE}")
        delta = user.mail_folders.by_mail_folder_id(_INBOX).messages.delta
        with translated("track an inbox"):
            page = await (delta if link is None else delta.with_url(link)).get(wanted)
        if page is None:
            raise Ambiguous("Graph answered about an inbox without a page.")
        # A message that was removed is named without anything of it.
        there = [one for one in page.value or [] if one.received_date_time is not None]
        return DeltaPage(
            [_arrival(one) for one in there], page.odata_next_link, page.odata_delta_link
        )

    async def _user(self, mailbox: str) -> UserItemRequestBuilder:
        client = await graph_client(self.graph)
        await load_sdk(*_SDK_MODULES)
        return client.users.by_user_id(mailbox)


def _with(wanted: object) -> RequestConfiguration[Any]:
    configuration = immutable_ids()
    configuration.query_parameters = wanted
    return configuration


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _arrival(message: Message) -> Arrival:
    return Arrival(
        id=message.id or "",
        received_at=message.received_date_time or datetime.min.replace(tzinfo=UTC),
        is_draft=bool(message.is_draft),
        from_=_person(message.from_),
    )


def _read(message: Message) -> ReceivedMail:
    from msgraph.generated.models.body_type import BodyType

    arrival, body = _arrival(message), message.body
    return ReceivedMail(
        id=arrival.id,
        type=message.odata_type or "",
        received_at=arrival.received_at,
        is_draft=arrival.is_draft,
        from_=arrival.from_,
        sender=_person(message.sender),
        to=tuple(_person(one) for one in message.to_recipients or []),
        subject=message.subject or "",
        internet_message_id=message.internet_message_id or "",
        conversation_id=message.conversation_id or "",
        headers=tuple(
            (one.name or "", one.value or "") for one in message.internet_message_headers or []
        ),
        body=Body(
            (body.content if body else None) or "",
            is_html=body is not None and body.content_type is not BodyType.Text,
        ),
    )


def _person(recipient: Recipient | None) -> Person:
    known = recipient.email_address if recipient is not None else None
    if known is None:
        return "", ""
    return known.address or "", known.name or ""
