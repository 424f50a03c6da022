"""The bodies Graph accepts, each property with the name and type Graph's own schema gives it.

Every model names its type in Graph's schema in ``graph_type``; a test holds names and types to
the schema where that file is present. A property Graph does not know, or of another type, is
refused in Graph's words.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from .errors import GraphRefusal, fixed_property, unreadable_body

# Graph refuses larger JSON requests; larger files go through an upload session.
LARGEST_REQUEST_BYTES = 4 * 1024 * 1024

EXTENDED_PROPERTY_ID = re.compile(
    r"^(?P<type>[A-Za-z]+) (?P<guid>\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\})"
    r" Name (?P<name>\S.*)$"
)

# Graph compares the members of its enumerations without regard to case.
_fold = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)

# Edm.Binary travels as base64. The standard decoder would skip foreign characters.
_Binary = Annotated[bytes, AfterValidator(lambda text: base64.b64decode(text, validate=True))]


def _text(value: object) -> object:
    # In JSON an instant is text; pydantic would take a number too.
    if value is not None and not isinstance(value, str):
        raise ValueError("An instant is text in ISO 8601.")
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_text)]


class Resource(BaseModel):
    """A type of Graph's schema: nothing else is allowed in it, and nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)
    graph_type: ClassVar[str]


class EmailAddress(Resource):
    graph_type = "emailAddress"
    odata_type: Literal["#microsoft.graph.emailAddress"] | None = Field(None, alias="@odata.type")
    address: str | None = None
    name: str | None = None


class Recipient(Resource):
    graph_type = "recipient"
    odata_type: Literal["#microsoft.graph.recipient"] | None = Field(None, alias="@odata.type")
    email_address: EmailAddress | None = None


class ItemBody(Resource):
    graph_type = "itemBody"
    odata_type: Literal["#microsoft.graph.itemBody"] | None = Field(None, alias="@odata.type")
    content_type: Annotated[Literal["text", "html"], _fold] | None = None
    content: str | None = None


class InternetMessageHeader(Resource):
    graph_type = "internetMessageHeader"
    odata_type: Literal["#microsoft.graph.internetMessageHeader"] | None = Field(
        None, alias="@odata.type"
    )
    name: str | None = None
    value: str | None = None


class ExtendedProperty(Resource):
    graph_type = "singleValueLegacyExtendedProperty"
    odata_type: Literal["#microsoft.graph.singleValueLegacyExtendedProperty"] | None = Field(
        None, alias="@odata.type"
    )
    id: str | None = None
    value: str | None = None


class Message(Resource):
    """What a draft can be made of."""

    graph_type = "message"
    odata_type: Literal["#microsoft.graph.message"] | None = Field(None, alias="@odata.type")
    subject: str | None = None
    body: ItemBody | None = None
    to_recipients: list[Recipient] | None = None
    cc_recipients: list[Recipient] | None = None
    bcc_recipients: list[Recipient] | None = None
    reply_to: list[Recipient] | None = None
    from_: Recipient | None = Field(None, alias="from")
    sender: Recipient | None = None
    importance: Annotated[Literal["low", "normal", "high"], _fold] | None = None
    categories: list[str] | None = None
    internet_message_headers: list[InternetMessageHeader] | None = None
    single_value_extended_properties: list[ExtendedProperty] | None = None
    is_read: bool | None = None
    is_delivery_receipt_requested: bool | None = None
    is_read_receipt_requested: bool | None = None


class CreateReply(Resource):
    """The parameters of the action of that name, which spells them in upper case."""

    graph_type = "message.createReply"
    message: Message | None = Field(None, alias="Message")
    comment: str | None = Field(None, alias="Comment")


class FileAttachment(Resource):
    graph_type = "fileAttachment"
    odata_type: Literal["#microsoft.graph.fileAttachment"] = Field(alias="@odata.type")
    name: str | None = None
    content_type: str | None = None
    content_bytes: _Binary | None = None
    content_id: str | None = None
    is_inline: bool | None = None


class AttachmentItem(Resource):
    graph_type = "attachmentItem"
    odata_type: Literal["#microsoft.graph.attachmentItem"] | None = Field(None, alias="@odata.type")
    attachment_type: Annotated[Literal["file", "item", "reference"], _fold] | None = None
    name: str | None = None
    size: int | None = None
    content_type: str | None = None
    content_id: str | None = None
    is_inline: bool | None = None


class CreateUploadSession(Resource):
    """The parameters of the action of that name, which spells its one in upper case."""

    graph_type = "createUploadSession"
    attachment_item: AttachmentItem = Field(alias="AttachmentItem")


class Subscription(Resource):
    """What a subscription can be made of; a renewal names `expirationDateTime` alone."""

    graph_type = "subscription"
    odata_type: Literal["#microsoft.graph.subscription"] | None = Field(None, alias="@odata.type")
    change_type: str | None = None
    notification_url: str | None = None
    lifecycle_notification_url: str | None = None
    resource: str | None = None
    expiration_date_time: Instant | None = None
    client_state: str | None = None
    latest_supported_tls_version: str | None = None


# What a message has, and therefore what $select may name.
MESSAGE_PROPERTIES = frozenset(
    [
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "changeKey",
        "categories",
        "receivedDateTime",
        "sentDateTime",
        "hasAttachments",
        "internetMessageId",
        "subject",
        "bodyPreview",
        "importance",
        "parentFolderId",
        "conversationId",
        "conversationIndex",
        "isDeliveryReceiptRequested",
        "isReadReceiptRequested",
        "isRead",
        "isDraft",
        "webLink",
        "body",
        "sender",
        "from",
        "toRecipients",
        "ccRecipients",
        "bccRecipients",
        "replyTo",
        "internetMessageHeaders",
    ]
)

# Graph knows these; the local Graph does not do them, and says so instead of pretending.
NOT_SERVED = frozenset(
    [
        "attachments",
        "extensions",
        "multiValueExtendedProperties",
        "flag",
        "inferenceClassification",
        "uniqueBody",
        "internetMessageId",
        "receivedDateTime",
        "sentDateTime",
    ]
)

Body = TypeVar("Body", bound=Resource)


def read_body(
    model: type[Body], content_type: str, body: bytes, *, largest: int = LARGEST_REQUEST_BYTES
) -> Body:
    """Parse a request's body as ``model``.

    Raises:
        GraphRefusal: 413 above Graph's request limit, 400 for everything that is not the type.
    """
    if len(body) > largest:
        raise GraphRefusal(
            413, "RequestEntityTooLarge", "The request exceeds the maximum size of 4 MB."
        )
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _not_json()
    try:
        document = json.loads(body)
    except ValueError as error:
        raise _not_json() from error
    if model is Message and isinstance(document, dict):
        _refuse_what_cannot_be_set(document)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise unreadable_body(_in_graphs_words(model, document, error)) from error


def normal_property_id(text: str) -> str:
    """An extended property's id in the form Graph gives it back: the GUID in lower case.

    Raises:
        GraphRefusal: the id is not ``String {guid} Name X``.
    """
    match = EXTENDED_PROPERTY_ID.match(text)
    if match is None or match["type"].lower() != "string":
        raise GraphRefusal(
            400,
            "ErrorInvalidProperty",
            f"PropertyId values may only be in the '{{type}} "
            f"{{guid}} Name {{name}}' form here, and not '{text}'.",
        )
    return f"String {match['guid'].lower()} Name {match['name']}"


def property_names(model: type[Resource]) -> set[str]:
    """The names a body of this type may use."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _refuse_what_cannot_be_set(document: dict[str, Any]) -> None:
    for name in document.keys() - property_names(Message):
        if name in NOT_SERVED:
            raise GraphRefusal(
                501, "NotImplemented", f"The local Graph does not set '{name}' of a message."
            )
        if name in MESSAGE_PROPERTIES:
            raise fixed_property(name)


def _not_json() -> GraphRefusal:
    return GraphRefusal(
        400,
        "BadRequest",
        "Unable to read JSON request payload. Please ensure Content-Type header is set and "
        "payload is of valid JSON format.",
    )


def _in_graphs_words(model: type[Resource], document: Any, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    kind, place = first["type"], first["loc"]
    name = next((str(step) for step in reversed(place) if isinstance(step, str)), "")
    if kind == "extra_forbidden":
        owner = _type_at(model, place[:-1])
        return (
            f"The property '{name}' does not exist on type 'microsoft.graph.{owner}'. Make sure to "
            "only use property names that are defined by the type or mark the type as open type."
        )
    if kind == "literal_error":
        return f"Requested value '{first['input']}' was not found."
    if name == "@odata.type":
        return "A type annotation '@odata.type' is required: the type of this entity is abstract."
    return f"Cannot convert the value of '{name}' to the expected type. ({first['msg']})"


def _type_at(model: type[Resource], place: tuple[int | str, ...]) -> str:
    """The name of the Graph type that stands at a pydantic error's place in ``model``."""
    for step in place:
        for name, field in model.model_fields.items():
            if step in (name, field.alias):
                model = resource_in(field.annotation) or model
    return model.graph_type


def resource_in(annotation: Any) -> type[Resource] | None:
    """The resource within a field's annotation, as in ``list[Recipient] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Resource):
        return annotation
    return next(filter(None, map(resource_in, get_args(annotation))), None)
