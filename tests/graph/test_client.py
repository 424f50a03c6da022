"""Whose token Graph is asked with: the app registration's, in the organization's own tenant."""

from __future__ import annotations

import json
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AsyncHttpTransport, HttpRequest

from shared.graph.client import GRAPH_SCOPE, GraphTenant, vouched_credential

ELSEWHERE = GraphTenant("22222222-2222-2222-2222-222222222222", client_id="registration")


class Entra(AsyncHttpTransport[HttpRequest, Any]):
    """Entra as far as it gives out tokens; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str | int]]] = []

    async def send(self, request: HttpRequest, **kwargs: Any) -> Any:
        assert isinstance(request.data, dict)
        self.asked.append((request.url, request.data))
        return _Answer(request)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def __aenter__(self) -> Entra:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class _Answer:
    status_code = 200
    reason = "OK"
    content_type = "application/json"
    headers = {"content-type": "application/json"}

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def text(self, encoding: str | None = None) -> str:
        return json.dumps({"access_token": "theirs", "expires_in": 3600, "token_type": "Bearer"})


async def test_the_identity_vouches_for_the_registration_in_another_tenant_a1() -> None:
    """A managed identity has no tokens of a tenant that is not its own."""
    entra = Entra()
    vouched: list[str] = []

    def assertion() -> str:
        vouched.append("identity's token")
        return vouched[-1]

    credential: AsyncTokenCredential = vouched_credential(ELSEWHERE, assertion, transport=entra)
    token = await credential.get_token(GRAPH_SCOPE, tenant_id=ELSEWHERE.tenant)
    assert token.token == "theirs"
    [(url, form)] = entra.asked
    assert f"/{ELSEWHERE.tenant}/oauth2/v2.0/token" in url
    assert form["client_id"] == "registration"
    assert form["client_assertion"] == "identity's token"
    assert form["scope"] == GRAPH_SCOPE
    assert "client_secret" not in form
    await credential.close()
