"""What is asked of Graph about messages, in OData's words and the SDK's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiota_abstractions.base_request_configuration import RequestConfiguration

_FOUND_PROPERTIES = [
    "id",
    "isDraft",
    "internetMessageId",
    "conversationId",
    "createdDateTime",
    "sentDateTime",
]


def quoted(value: str) -> str:
    """A string of OData, which doubles a quote inside."""
    return "'" + value.replace("'", "''") + "'"


def search(matching: str) -> RequestConfiguration[Any]:
    """The messages that match, with what a `FoundMessage` needs."""
    from msgraph.generated.users.item.messages.messages_request_builder import (
        MessagesRequestBuilder,
    )

    configuration = immutable_ids()
    configuration.query_parameters = (
        MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(
            filter=matching,
            select=_FOUND_PROPERTIES,
            top=50,
        )
    )
    return configuration


def only_the_body() -> RequestConfiguration[Any]:
    """One message's body and nothing else of it."""
    from msgraph.generated.users.item.messages.item.message_item_request_builder import (
        MessageItemRequestBuilder,
    )

    configuration = immutable_ids()
    configuration.query_parameters = (
        MessageItemRequestBuilder.MessageItemRequestBuilderGetQueryParameters(select=["body"])
    )
    return configuration


def immutable_ids() -> RequestConfiguration[Any]:
    """Ids that survive the move to Sent Items (they have been seen to change: the key decides)."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from kiota_abstractions.headers_collection import HeadersCollection

    headers = HeadersCollection()
    headers.add("Prefer", 'IdType="ImmutableId"')
    return RequestConfiguration(headers=headers)
