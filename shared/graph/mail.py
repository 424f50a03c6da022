"""Mail through Microsoft Graph: drafts that carry a send key, and sending exactly those.

``POST /sendMail`` answers no id and cannot be checked, so it is not used. A draft with a key in an
extended property can be found again whatever crashed: not a draft any more means it was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.graph import attachments
from shared.graph.attachments import Attached, Attachment
from shared.graph.client import GraphTenant, graph_client, load_sdk
from shared.graph.errors import Ambiguous, NotFound, translated
from shared.graph.queries import immutable_ids, only_the_body, quoted, search

if TYPE_CHECKING:
    from msgraph.generated.models.message import Message
    from msgraph.generated.models.recipient import Recipient
    from msgraph.generated.models.single_value_legacy_extended_property import (
        SingleValueLegacyExtendedProperty,
    )
    from msgraph.generated.users.item.messages.messages_request_builder import (
        MessagesRequestBuilder,
    )

SEND_KEY_PROPERTY = "String {5d0b8f0e-93f5-4c0c-9d5b-6f1d7f3a2c41} Name SendKey"
"""The extended property that holds the send key. The GUID is this product's own, fixed for ever."""

_REPLY_MODULES = (
    "msgraph.generated.users.item.messages.item.create_reply.create_reply_request_builder",
    "msgraph.generated.users.item.messages.item.create_reply.create_reply_post_request_body",
)

Person = tuple[str, str]
"""Address and display name; the name may be empty."""


@dataclass(frozen=True)
class Draft:
    """A message to be put into a mailbox's drafts."""

    subject: str
    body: str
    is_html: bool
    to: Sequence[Person]
    send_key: str
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()


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
class Body:
    """What a message says."""

    content: str
    is_html: bool


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
        return await self._find(
            mailbox,
            "singleValueExtendedProperties/Any(ep: "
            f"ep/id eq '{SEND_KEY_PROPERTY}' and ep/value eq {quoted(send_key)})",
        )

    async def find_by_internet_message_id(
        self, mailbox: str, internet_message_id: str
    ) -> list[FoundMessage]:
        """Every copy of that message in the mailbox, oldest first; mail to oneself is there twice.

        The id stands in angle brackets, as in the message's own headers.
        """
        return await self._find(mailbox, f"internetMessageId eq {quoted(internet_message_id)}")

    async def _find(self, mailbox: str, matching: str) -> list[FoundMessage]:
        messages = await self._messages(mailbox)
        found: list[FoundMessage] = []
        with translated("look a message up"):
            page = await messages.get(request_configuration=search(matching))
            while page is not None:
                found += [_found(message) for message in page.value or []]
                if not page.odata_next_link:
                    break
                page = await messages.with_url(page.odata_next_link).get(
                    request_configuration=immutable_ids()
                )
        unknown = datetime.max.replace(tzinfo=UTC)
        return sorted(found, key=lambda message: (message.created_at or unknown, message.id))

    async def create_draft(self, mailbox: str, draft: Draft) -> FoundMessage:
        """Put the draft into the mailbox. Look its key up first on any attempt but the first."""
        messages = await self._messages(mailbox)
        with translated("create a draft"):
            message = await messages.post(_message(draft), request_configuration=immutable_ids())
        if message is None or not message.id:
            raise Ambiguous("Graph answered the creation of a draft without an id.")
        return _found(message)

    async def create_reply(self, mailbox: str, message_id: str, send_key: str) -> FoundMessage:
        """A draft in the thread of a message of the mailbox, which Exchange addresses and quotes.

        It carries the key from the first moment, so look that up on any attempt but the first.
        `body_of` tells what was quoted, `update_draft` makes it the message that is meant.
        """
        messages = await self._messages(mailbox)
        await load_sdk(*_REPLY_MODULES)
        from msgraph.generated.models.message import Message
        from msgraph.generated.users.item.messages.item.create_reply.create_reply_post_request_body import (  # noqa: E501
            CreateReplyPostRequestBody,
        )

        body = CreateReplyPostRequestBody(
            message=Message(single_value_extended_properties=[_key(send_key)])
        )
        with translated("create a reply"):
            message = await messages.by_message_id(message_id).create_reply.post(
                body, request_configuration=immutable_ids()
            )
        if message is None or not message.id:
            raise Ambiguous("Graph answered the creation of a reply without an id.")
        return _found(message)

    async def update_draft(self, mailbox: str, draft_id: str, draft: Draft) -> FoundMessage:
        """Give the draft this subject, body, these recipients and this key; its thread stays."""
        messages = await self._messages(mailbox)
        with translated("change a draft"):
            message = await messages.by_message_id(draft_id).patch(
                _message(draft), request_configuration=immutable_ids()
            )
        if message is None or not message.id:
            raise Ambiguous("Graph answered the change of a draft without an id.")
        return _found(message)

    async def body_of(self, mailbox: str, message_id: str) -> Body:
        """The message's body, as Exchange has it."""
        messages = await self._messages(mailbox)
        with translated("read a message"):
            message = await messages.by_message_id(message_id).get(
                request_configuration=only_the_body()
            )
        body = message.body if message is not None else None
        if body is None:
            raise Ambiguous("Graph answered for a message without its body.")
        from msgraph.generated.models.body_type import BodyType

        return Body(body.content or "", is_html=body.content_type is not BodyType.Text)

    async def add_attachment(self, mailbox: str, draft_id: str, file: Attachment) -> None:
        """Add a file to the draft. On any attempt but the first, see what it has already."""
        await attachments.add(self.graph, mailbox, draft_id, file)

    async def attachments_of(self, mailbox: str, draft_id: str) -> list[Attached]:
        """What the draft has, in its order."""
        return await attachments.listed(self.graph, mailbox, draft_id)

    async def delete_message(self, mailbox: str, message_id: str) -> None:
        """The message is gone; one that was gone before is fine too.

        Gone for good: a plain DELETE leaves it in a folder of deleted items, where its send key
        would still be found.
        """
        messages = await self._messages(mailbox)
        try:
            with translated("delete a message"):
                await messages.by_message_id(message_id).permanent_delete.post(
                    request_configuration=immutable_ids()
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
                request_configuration=immutable_ids()
            )

    async def _messages(self, mailbox: str) -> MessagesRequestBuilder:
        client = await graph_client(self.graph)
        return client.users.by_user_id(mailbox).messages


def _message(draft: Draft) -> Message:
    from msgraph.generated.models.body_type import BodyType
    from msgraph.generated.models.item_body import ItemBody
    from msgraph.generated.models.message import Message

    kind = BodyType.Html if draft.is_html else BodyType.Text
    return Message(
        subject=draft.subject,
        body=ItemBody(content=draft.body, content_type=kind),
        to_recipients=_recipients(draft.to),
        cc_recipients=_recipients(draft.cc),
        bcc_recipients=_recipients(draft.bcc),
        single_value_extended_properties=[_key(draft.send_key)],
    )


def _key(send_key: str) -> SingleValueLegacyExtendedProperty:
    from msgraph.generated.models.single_value_legacy_extended_property import (
        SingleValueLegacyExtendedProperty,
    )

    return SingleValueLegacyExtendedProperty(id=SEND_KEY_PROPERTY, value=send_key)


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
