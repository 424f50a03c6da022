"""Mail through Microsoft Graph: drafts that carry a send key, and sending exactly those.

``POST /sendMail`` answers no id and cannot be checked, so it is not used. A draft with a key in an
extended property can be found again whatever crashed: not a draft any more means it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.graph.client import GraphTenant, graph_client
from shared.graph.errors import Ambiguous, NotFound, translated

if TYPE_CHECKING:
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.models.message import Message
    from msgraph.generated.models.recipient import Recipient
    from msgraph.generated.users.item.messages.messages_request_builder import (
        MessagesRequestBuilder,
    )

SEND_KEY_PROPERTY = "String {5d0b8f0e-93f5-4c0c-9d5b-6f1d7f3a2c41} Name SendKey"
"""The extended property that holds the send key. The GUID is this product's own, fixed for ever."""
_FOUND_PROPERTIES = [
    "id",
    "isDraft",
    "internetMessageId",
    "conversationId",
    "createdDateTime",
    "sentDateTime",
]

Person = tuple[str, str]
"""Address and display name; the name may be empty."""


@dataclass(frozen=True)
class Draft:
    """A message to be put into a mailbox's drafts.

    ``headers`` are at most 5, named ``x-…`` (Graph refuses others). ``from_`` is only needed where
    it is not the mailbox itself.
    """

    subject: str
    body: str
    is_html: bool
    to: Sequence[Person]
    send_key: str
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    from_: Person | None = None


@dataclass(frozen=True)
class FoundMessage:
    """A message as Graph knows it. ``id`` is immutable; ``sent_at`` is None for a draft."""

    id: str
    is_draft: bool
    internet_message_id: str | None
    conversation_id: str | None
    created_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True)
class Mail:
    """The mailboxes of one tenant.

    Every function raises `shared.graph.errors.GraphError`, whose docstring tells what is definite.
    """

    graph: GraphTenant

    async def find_by_send_key(self, mailbox: str, send_key: str) -> list[FoundMessage]:
        """Every message of the mailbox with that key, in any folder, oldest first.

        Those made in the same second (Graph tells no more) come in the order of their ids, so that
        everyone who looks agrees on the oldest.
        """
        messages = await self._messages(mailbox)
        found: list[FoundMessage] = []
        with translated("look a message up"):
            page = await messages.get(request_configuration=_by_send_key(send_key))
            while page is not None:
                found += [_found(message) for message in page.value or []]
                if not page.odata_next_link:
                    break
                page = await messages.with_url(page.odata_next_link).get(
                    request_configuration=_immutable_ids()
                )
        unknown = datetime.max.replace(tzinfo=UTC)
        return sorted(found, key=lambda message: (message.created_at or unknown, message.id))

    async def create_draft(self, mailbox: str, draft: Draft) -> FoundMessage:
        """Put the draft into the mailbox. Look its key up first on any attempt but the first."""
        messages = await self._messages(mailbox)
        with translated("create a draft"):
            message = await messages.post(_message(draft), request_configuration=_immutable_ids())
        if message is None or not message.id:
            raise Ambiguous("Graph answered the creation of a draft without an id.")
        return _found(message)

    async def delete_message(self, mailbox: str, message_id: str) -> None:
        """The message is gone; one that was gone before is fine too."""
        messages = await self._messages(mailbox)
        try:
            with translated("delete a message"):
                await messages.by_message_id(message_id).delete(
                    request_configuration=_immutable_ids()
                )
        except NotFound as error:
            if error.mailbox_unknown:
                raise

    async def send_draft(self, mailbox: str, message_id: str) -> None:
        """Hand the draft to Exchange, which moves it to Sent Items some time later.

        `NotFound` here can mean that it was sent before: look its key up.
        """
        messages = await self._messages(mailbox)
        with translated("send a draft"):
            await messages.by_message_id(message_id).send.post(
                request_configuration=_immutable_ids()
            )

    async def _messages(self, mailbox: str) -> MessagesRequestBuilder:
        client = await graph_client(self.graph)
        return client.users.by_user_id(mailbox).messages


def _by_send_key(send_key: str) -> RequestConfiguration[Any]:
    from msgraph.generated.users.item.messages.messages_request_builder import (
        MessagesRequestBuilder,
    )

    configuration = _immutable_ids()
    # OData doubles a quote inside a string.
    key = send_key.replace("'", "''")
    configuration.query_parameters = (
        MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(
            filter="singleValueExtendedProperties/Any(ep: "
            f"ep/id eq '{SEND_KEY_PROPERTY}' and ep/value eq '{key}')",
            select=_FOUND_PROPERTIES,
            top=50,
        )
    )
    return configuration


def _immutable_ids() -> RequestConfiguration[Any]:
    """Ids that survive the move to Sent Items (they have been seen to change: the key decides)."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from kiota_abstractions.headers_collection import HeadersCollection

    headers = HeadersCollection()
    headers.add("Prefer", 'IdType="ImmutableId"')
    return RequestConfiguration(headers=headers)


def _message(draft: Draft) -> Message:
    from msgraph.generated.models.body_type import BodyType
    from msgraph.generated.models.internet_message_header import InternetMessageHeader
    from msgraph.generated.models.item_body import ItemBody
    from msgraph.generated.models.message import Message
    from msgraph.generated.models.single_value_legacy_extended_property import (
        SingleValueLegacyExtendedProperty,
    )

    kind = BodyType.Html if draft.is_html else BodyType.Text
    message = Message(
        subject=draft.subject,
        body=ItemBody(content=draft.body, content_type=kind),
        to_recipients=_recipients(draft.to),
        cc_recipients=_recipients(draft.cc),
        bcc_recipients=_recipients(draft.bcc),
        single_value_extended_properties=[
            SingleValueLegacyExtendedProperty(id=SEND_KEY_PROPERTY, value=draft.send_key)
        ],
    )
    if draft.headers:
        # Graph refuses an empty collection.
        message.internet_message_headers = [
            InternetMessageHeader(name=name, value=value) for name, value in draft.headers.items()
        ]
    if draft.from_ is not None:
        message.from_ = _recipients([draft.from_])[0]
    return message


def _recipients(people: Sequence[Person]) -> list[Recipient]:
    from msgraph.generated.models.email_address import EmailAddress
    from msgraph.generated.models.recipient import Recipient

    return [
        Recipient(email_address=EmailAddress(address=address, name=name or None))
        for address, name in people
    ]


def _found(message: Message) -> FoundMessage:
    is_draft = bool(message.is_draft)
    return FoundMessage(
        id=message.id or "",
        is_draft=is_draft,
        internet_message_id=message.internet_message_id,
        conversation_id=message.conversation_id,
        created_at=message.created_date_time,
        # Graph gives a draft the time it was made.
        sent_at=None if is_draft else message.sent_date_time,
    )
