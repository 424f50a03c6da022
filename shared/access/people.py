"""People who signed in through App Service authentication.

The platform puts who they are into `X-MS-CLIENT-PRINCIPAL` and takes that header away from
everybody else's requests, but only while its authentication is on: otherwise the header is
anybody's word. (App Service documentation, "Work with user identities in Azure App Service
authentication".)
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

HEADER = "x-ms-client-principal"
ROLE_SCOPES = {
    "seller": frozenset({"send", "read"}),
    "manager": frozenset({"read"}),
    "administrator": frozenset({"send", "read", "admin"}),
}
"""What each role may do (rule A3)."""

_TENANT_CLAIMS = ("tid", "http://schemas.microsoft.com/identity/claims/tenantid")
_ADDRESS_CLAIMS = (
    "preferred_username",
    "email",
    "upn",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
)
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in: of which Entra tenant, with which address (lower case) and roles."""

    tenant: str
    address: str
    name: str
    roles: frozenset[str]

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset().union(*(ROLE_SCOPES.get(role, frozenset()) for role in self.roles))


def person_of(headers: Mapping[str, str]) -> Person | None:
    """Who signed in, from the platform's header; None where nobody did."""
    text = headers.get(HEADER)
    if not text:
        return None
    try:
        claims = json.loads(base64.b64decode(text))["claims"]
        values: dict[str, list[str]] = {}
        for claim in claims:
            values.setdefault(claim["typ"], []).append(claim["val"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
    tenant = _first(values, _TENANT_CLAIMS)
    address = _first(values, _ADDRESS_CLAIMS)
    if not tenant or not address:
        return None
    roles = frozenset(role for name in _ROLE_CLAIMS for role in values.get(name, ()))
    return Person(tenant, address.lower(), _first(values, ("name",)) or address, roles)


def _first(values: Mapping[str, list[str]], names: tuple[str, ...]) -> str:
    return next((values[name][0] for name in names if values.get(name)), "")
