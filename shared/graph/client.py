"""The SDK's client: one for a process and Entra tenant, made at the first call.

It lives in the event loop it was made in (reused in another it would fail with "Event loop is
closed"), so it is kept per loop: in a Functions worker there is one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import httpx
    from azure.core.credentials_async import AsyncTokenCredential
    from kiota_abstractions.authentication import AuthenticationProvider
    from kiota_abstractions.request_information import RequestInformation
    from kiota_abstractions.serialization import ParseNode
    from msgraph.generated.models.entity import Entity
    from msgraph.graph_service_client import GraphServiceClient

GRAPH_HOST = "graph.microsoft.com"
GRAPH_SCOPE = f"https://{GRAPH_HOST}/.default"
ASSERTION_SCOPE = "api://AzureADTokenExchange/.default"
REQUEST_TIMEOUT_SECONDS = 30.0
"""How long one request to Graph may take; leases around a send are at least five times this."""
CONNECT_TIMEOUT_SECONDS = 10.0
WHOLE_REQUEST = 3
"""However it trickles, a request ends before the leases of those who ask it do."""
# Exchange serves four requests of an app and mailbox at a time; this is for all mailboxes.
MAX_CONNECTIONS = 32
_SLICE_BYTES = 256 * 1024
# What the first call would load in the event loop; importing these brings the rest.
_SDK_MODULES = (
    "msgraph.graph_service_client",
    "msgraph.generated.models.message",
    "msgraph.generated.models.message_collection_response",
    "msgraph.generated.models.o_data_errors.o_data_error",
    "msgraph.generated.users.users_request_builder",
    "msgraph.generated.users.item.user_item_request_builder",
    "msgraph.generated.users.item.messages.messages_request_builder",
    "msgraph.generated.users.item.messages.item.message_item_request_builder",
    "msgraph.generated.users.item.messages.item.send.send_request_builder",
)


@dataclass(frozen=True)
class GraphTenant:
    """Where a tenant's Graph is.

    ``tenant`` is the Entra tenant's id. ``local_address`` is the base address of a local Graph
    (``http://127.0.0.1:7072/v1.0``), asked without a token; None means Microsoft's, asked with the
    token of the app registration ``client_id``, for which the deployment's identity vouches, or of
    that identity where there is none. ``timeout_seconds`` is how long a request may stand still;
    it may take ``WHOLE_REQUEST`` times as long in all.
    """

    tenant: str
    local_address: str | None = None
    timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    client_id: str | None = None


@dataclass(frozen=True)
class _Open:
    client: GraphServiceClient
    plain: httpx.AsyncClient
    transport: httpx.AsyncBaseTransport
    credential: AsyncTokenCredential | None


_open_clients: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[GraphTenant, asyncio.Task[_Open]]
] = WeakKeyDictionary()


async def graph_client(tenant: GraphTenant) -> GraphServiceClient:
    """The client for ``tenant`` in the running loop; made now if this is its first use."""
    clients = _open_clients.setdefault(asyncio.get_running_loop(), {})
    if tenant not in clients or _failed(clients[tenant]):
        # A task, so that callers who come while the SDK is loading share the one client.
        clients[tenant] = asyncio.create_task(_make(tenant))
    return (await asyncio.shield(clients[tenant])).client


async def plain_client(tenant: GraphTenant) -> httpx.AsyncClient:
    """A client that hands nobody a token, for addresses that are their own authorization."""
    await graph_client(tenant)
    return _open_clients[asyncio.get_running_loop()][tenant].result().plain


async def send_bytes(
    client: GraphServiceClient, request: RequestInformation, body: bytes, answer: Any
) -> Any:
    """Send a request of the SDK's with a large body, which is not kept longer than that.

    ``answer`` is the SDK's class of the answer, an instance of which comes back; None reads none.
    """
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError

    request.headers.try_add("Content-Length", str(len(body)))
    request.content = slices(body)  # type: ignore[assignment]
    adapter: Any = client.request_adapter
    errors = {"XXX": ODataError}
    if answer is None:
        return await adapter.send_no_response_content_async(request, errors)
    return await adapter.send_async(request, answer, errors)


async def slices(body: bytes) -> AsyncIterator[bytes]:
    """The body bit by bit. Given whole it would stay with its request, which is in a cycle with its
    response, until the garbage collector comes by: too long for megabytes."""
    for start in range(0, len(body), _SLICE_BYTES):
        yield body[start : start + _SLICE_BYTES]


async def close_graph_clients() -> None:
    """Close the running loop's clients. For tests and orderly ends; no request does this."""
    for task in _open_clients.pop(asyncio.get_running_loop(), {}).values():
        made = await task
        # The SDK wraps the transport in one that does not close it, so it is closed itself.
        await made.transport.aclose()
        if made.credential is not None:
            await made.credential.close()


def _failed(task: asyncio.Task[_Open]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _make(tenant: GraphTenant) -> _Open:
    # The SDK loads hundreds of modules; in a thread, pixels on the same worker need not wait.
    await asyncio.to_thread(_load)
    await asyncio.to_thread(_read_entities_plainly)
    import httpx
    from kiota_http.middleware.options import RetryHandlerOption
    from msgraph.graph_request_adapter import GraphRequestAdapter, options
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]

    # By default the SDK posts /send again on 504, and sleeps inside the function. We requeue.
    no_retries = RetryHandlerOption(max_retries=0, should_retry=False)
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
    transport = _ending(
        httpx.AsyncHTTPTransport(http2=False, limits=limits), WHOLE_REQUEST * tenant.timeout_seconds
    )
    timeout = httpx.Timeout(tenant.timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS)
    http = GraphClientFactory.create_with_default_middleware(
        client=httpx.AsyncClient(transport=transport, timeout=timeout),
        options={**options, RetryHandlerOption.get_key(): no_retries},
    )
    credential = None if tenant.local_address else _credential(tenant)
    adapter = GraphRequestAdapter(_authentication(tenant, credential), client=http)
    adapter.base_url = tenant.local_address or f"https://{GRAPH_HOST}/v1.0"
    plain = httpx.AsyncClient(transport=transport, timeout=timeout)
    return _Open(GraphServiceClient(request_adapter=adapter), plain, transport, credential)


def _ending(transport: httpx.AsyncBaseTransport, seconds: float) -> httpx.AsyncBaseTransport:
    """The transport, with an end to each request until its answer begins: httpx's own limits begin
    anew with every byte."""
    import httpx

    class Ending(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                async with asyncio.timeout(seconds):
                    return await transport.handle_async_request(request)
            except TimeoutError as error:
                raise httpx.ReadTimeout(f"longer than {seconds:.0f} s", request=request) from error

        async def aclose(self) -> None:
            await transport.aclose()

    return Ending()


async def load_sdk(*modules: str) -> None:
    """Import what a room of the SDK needs in a thread, so that nobody else waits for it."""
    if any(module not in sys.modules for module in modules):
        await asyncio.to_thread(_load, modules)


def _load(modules: Sequence[str] = _SDK_MODULES) -> None:
    for module in modules:
        import_module(module)


def _read_entities_plainly() -> None:
    """Reads what all entities have in common without loading the 1,200 kinds of them.

    The SDK's ancestor of entities imports every kind each time one is read: 1.6 s and 33 MiB at
    first, and 3 ms ever after, in the loop that answers pixels, too. It needs none of them.
    """
    from msgraph.generated.models.entity import Entity

    Entity.get_field_deserializers = entity_fields  # type: ignore[assignment, method-assign]


def entity_fields(entity: Entity) -> dict[str, Callable[[ParseNode], None]]:
    """How the SDK reads the properties of any entity."""
    return {
        "id": lambda node: setattr(entity, "id", node.get_str_value()),
        "@odata.type": lambda node: setattr(entity, "odata_type", node.get_str_value()),
    }


def _credential(tenant: GraphTenant) -> AsyncTokenCredential:
    from azure.identity import DefaultAzureCredential as Identity
    from azure.identity.aio import DefaultAzureCredential

    if tenant.client_id is None:
        return DefaultAzureCredential(additionally_allowed_tenants=[tenant.tenant])
    identity = Identity()
    return vouched_credential(tenant, lambda: identity.get_token(ASSERTION_SCOPE).token)


def vouched_credential(
    tenant: GraphTenant, assertion: Callable[[], str], **options: Any
) -> AsyncTokenCredential:
    """Tokens of the app registration in the organization's own tenant, without a secret.

    A managed identity has tokens of its own tenant only; one of those, the ``assertion``, is what
    the registration trusts instead of a secret. (Entra documentation, "Configure an application to
    trust a managed identity".)
    """
    from azure.identity.aio import ClientAssertionCredential

    assert tenant.client_id is not None
    return ClientAssertionCredential(tenant.tenant, tenant.client_id, assertion, **options)


def _authentication(
    tenant: GraphTenant, credential: AsyncTokenCredential | None
) -> AuthenticationProvider:
    from kiota_abstractions.authentication import AnonymousAuthenticationProvider
    from kiota_authentication_azure.azure_identity_authentication_provider import (
        AzureIdentityAuthenticationProvider,
    )

    if credential is None:
        return AnonymousAuthenticationProvider()
    in_tenant: dict[str, Any] = {"tenant_id": tenant.tenant}
    # Without these two the token would go to every host an answer names, upload addresses too.
    return AzureIdentityAuthenticationProvider(
        credential, options=in_tenant, scopes=[GRAPH_SCOPE], allowed_hosts=[GRAPH_HOST]
    )
