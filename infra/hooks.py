"""What Bicep cannot make. azd runs it before and after it provisions (azure.yaml); it may be run
again whenever one likes, and changes nothing that is as it should be.

before   the app registration: how people sign in, and who acts in the organizations' tenants
after    the registration trusts the app's identity; the first signing key; what is left to consent

It needs the Azure CLI, signed in, and nothing else but Python.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

GRAPH = "https://graph.microsoft.com/v1.0"
MANAGEMENT = "https://management.azure.com"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph, in every tenant."""

MAIL_PERMISSIONS = ("Mail.ReadWrite", "Mail.Send", "MailboxSettings.Read")
FILE_PERMISSIONS = ("Files.ReadWrite.All",)
"""Application permissions of Graph. Without `MailboxSettings.Read` everything goes on, but for the
sellers' time zones."""

PARAMETERS = Path(__file__).with_name("main.parameters.json")
_HOST = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
_FORMS = {
    "id": r"[a-z0-9]{2,24}",
    "name": r".+",
    "tenant": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "domains": rf"({_HOST} )+",
    "publicHost": rf"({_HOST})?",
}

ROLES = {
    "seller": "Sends from their own mailbox and sees what is followed.",
    "manager": "Sees everything of the organization.",
    "administrator": "Sends from every mailbox, changes settings and keys.",
}
KEYS = "signing-keys"
TRUST = "engagement-app"
_ROLE_SPACE = uuid.UUID("3f0c1c5e-6a35-4b0e-9f0a-6d1d2a8f4b11")
_PATIENCE_S = 300.0
"""A role assignment reaches the vault within minutes (Azure RBAC, "Troubleshoot")."""

Az = Callable[..., str]


class Stopped(Exception):
    """Nothing goes on from here; says why, and what to do."""


class AzFailed(Stopped):
    """The Azure CLI refused; its own words."""


def az(*arguments: str) -> str:
    """What the Azure CLI answers."""
    try:
        done = subprocess.run(["az", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Stopped("The Azure CLI (az) is not on this machine.") from None
    if done.returncode:
        raise AzFailed(done.stderr.strip() or f"az {arguments[0]} failed")
    return done.stdout


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    match list(arguments):
        case ["before"]:
            organizations = organizations_in(PARAMETERS.read_text(encoding="utf-8"))
            refuse_unusable_host(environ)
            tenants = {organization["tenant"] for organization in organizations}
            client_id = register(az, environ, tenants)
            subprocess.run(["azd", "env", "set", "ENTRA_CLIENT_ID", client_id], check=True)
        case ["after"]:
            trust_identity(az, environ)
            if make_first_key(az, environ, time.sleep):
                read_keys_now(az, environ)
            refuse_other_registration(environ)
            for line in left_to_do(environ):
                print(line)
        case _:
            print("python3 -m infra.hooks before|after", file=sys.stderr)
            return 2
    return 0


def register(az: Az, environ: Mapping[str, str], tenants: set[str]) -> str:
    """Makes the app registration, or brings it up to date; its client id."""
    name = f"email-engagement-{environ['AZURE_ENV_NAME']}"
    home = home_tenant(az, environ)
    wanted = registration(
        name,
        several_tenants=bool(tenants - {home}),
        permissions=permission_ids(az, wanted_permissions(environ)),
    )
    found = _find(az, name)
    if found is None:
        return str(_graph(az, "post", "/applications", wanted)["appId"])
    _graph(az, "patch", f"/applications/{found['id']}", wanted)
    return str(found["appId"])


def home_tenant(az: Az, environ: Mapping[str, str]) -> str:
    """The Entra tenant of the subscription; `Stopped` where the CLI is signed in to another."""
    tenant = ("--query", "tenantId", "--output", "json")
    subscription = environ.get("AZURE_SUBSCRIPTION_ID")
    if not subscription:
        # Some versions of azd ask for it only after this hook.
        raise Stopped(
            "azd does not know the subscription yet: azd env set AZURE_SUBSCRIPTION_ID <id>, "
            "azd env set AZURE_LOCATION <region>, and again."
        )
    home = json.loads(az("account", "show", "--subscription", subscription, *tenant))
    if json.loads(az("account", "show", *tenant)) != home:
        raise Stopped(
            "The Azure CLI is signed in to another tenant than that of the subscription: "
            f"az account set --subscription {subscription}"
        )
    return str(home)


def registration(name: str, *, several_tenants: bool, permissions: Sequence[str]) -> dict[str, Any]:
    """The app registration as it should be; its redirect addresses come when they are known."""
    return {
        "displayName": name,
        "signInAudience": "AzureADMultipleOrgs" if several_tenants else "AzureADMyOrg",
        "api": {"requestedAccessTokenVersion": 2},
        "appRoles": [
            {
                "id": str(uuid.uuid5(_ROLE_SPACE, role)),
                "value": role,
                "displayName": role.capitalize(),
                "description": may,
                "allowedMemberTypes": ["User"],
                "isEnabled": True,
            }
            for role, may in ROLES.items()
        ],
        "requiredResourceAccess": [
            {
                "resourceAppId": GRAPH_APP,
                "resourceAccess": [{"id": each, "type": "Role"} for each in permissions],
            }
        ],
    }


def wanted_permissions(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Without those for mail where Exchange gives them, for the sending mailboxes only."""
    scoped = environ.get("MAIL_SCOPED_IN_EXCHANGE", "").lower() == "true"
    return FILE_PERMISSIONS if scoped else MAIL_PERMISSIONS + FILE_PERMISSIONS


def permission_ids(az: Az, names: Sequence[str]) -> list[str]:
    """The ids of Graph's application permissions, as Graph itself says them."""
    graph = _graph(az, "get", f"/servicePrincipals(appId='{GRAPH_APP}')?$select=appRoles")
    ids = {role["value"]: role["id"] for role in graph["appRoles"]}
    return [ids[name] for name in names]


def organizations_in(parameters: str) -> list[dict[str, Any]]:
    """The organizations of the parameters file; `Stopped` names everything that is wrong with them.

    Bicep knows lengths only, and Azure would say it of a storage account, half way through.
    """
    try:
        found: Any = json.loads(parameters)["parameters"]["organizations"]["value"]
    except (ValueError, KeyError, TypeError) as error:
        raise Stopped(f"{PARAMETERS.name} has no organizations to read: {error!r}.") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Stopped(f"{PARAMETERS.name}: organizations is a list of objects, each in {{}}.")
    wrong = [
        f"organizations[{place}] has no usable {field}: {organization.get(field)!r}"
        for place, organization in enumerate(found)
        for field, form in _FORMS.items()
        if not re.fullmatch(form, _text(organization.get(field)))
    ]
    wrong += [
        f"organizations[{place}] has {key}, which organizations do not have"
        for place, organization in enumerate(found)
        for key in sorted(organization.keys() - _FORMS.keys())
    ]
    ids = [str(organization.get("id")) for organization in found]
    wrong += [
        f"the id {id_} is there twice" for id_ in sorted({i for i in ids if ids.count(i) > 1})
    ]
    if wrong:
        raise Stopped(f"{PARAMETERS.name}: {'; '.join(wrong)}.")
    return found


def refuse_unusable_host(environ: Mapping[str, str]) -> None:
    """`Stopped` where PUBLIC_HOST is no host name: an address, or with capitals, which browsers
    would not spell so."""
    host = environ.get("PUBLIC_HOST", "")
    if not re.fullmatch(_FORMS["publicHost"], host):
        raise Stopped(f"PUBLIC_HOST must be a host name like mail.contoso.com, not {host!r}.")


def _text(value: object) -> str:
    """A list as its items, each with a space behind it."""
    if isinstance(value, list):
        return "".join(f"{each} " for each in value)
    return value if isinstance(value, str) else "\n"


def trust_identity(az: Az, environ: Mapping[str, str]) -> None:
    """The registration knows its addresses, has a service principal at home, and trusts the app's
    identity in place of a secret."""
    client_id, principal = environ["ENTRA_CLIENT_ID"], environ["IDENTITY_PRINCIPAL_ID"]
    application = f"/applications(appId='{client_id}')"
    hosts = json.loads(environ["SIGN_IN_HOSTS"])
    addresses = [f"https://{host}/.auth/login/aad/callback" for host in hosts]
    issued = {"enableIdTokenIssuance": True}
    web = {"web": {"redirectUris": addresses, "implicitGrantSettings": issued}}
    _graph(az, "patch", application, web)
    at_home = f"/servicePrincipals?$filter=appId eq '{client_id}'&$select=id"
    if not _graph(az, "get", at_home)["value"]:
        _graph(az, "post", "/servicePrincipals", {"appId": client_id})
    trusts = _graph(az, "get", f"{application}/federatedIdentityCredentials")["value"]
    if any(trust["subject"] == principal for trust in trusts):
        return
    for trust in trusts:
        if trust["name"] == TRUST:  # of an identity that is gone
            _graph(az, "delete", f"{application}/federatedIdentityCredentials/{trust['id']}")
    home = home_tenant(az, environ)
    trust = {
        "name": TRUST,
        "issuer": f"https://login.microsoftonline.com/{home}/v2.0",
        "subject": principal,
        "audiences": ["api://AzureADTokenExchange"],
    }
    _graph(az, "post", f"{application}/federatedIdentityCredentials", trust)


def refuse_other_registration(environ: Mapping[str, str]) -> None:
    """`Stopped` where Bicep was given another registration than the hook before it found out, so
    that nobody could sign in."""
    if environ.get("SIGN_IN_CLIENT_ID") != environ["ENTRA_CLIENT_ID"]:
        raise Stopped("The app does not know its registration yet. Run azd up again: it will.")


def make_first_key(az: Az, environ: Mapping[str, str], wait: Callable[[float], None]) -> bool:
    """Puts the first signing key into the vault where there is none; whether it did.

    A vault that has the secret is left alone, whatever is in it: every link that was ever sent is
    verified by it.
    """
    vault = environ["VAULT_NAME"]
    names = json.loads(
        _patiently(
            lambda: az(
                *("keyvault", "secret", "list", "--vault-name", vault),
                *("--query", "[].name", "--output", "json"),
            ),
            wait,
        )
    )
    if KEYS in names:
        return False
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        # By a file that nobody else may read: arguments can be seen by everyone on a machine.
        file.write(f"k1:{key}")
        file.flush()
        az(
            *("keyvault", "secret", "set", "--vault-name", vault, "--name", KEYS),
            *("--file", file.name, "--encoding", "utf-8", "--output", "none"),
        )
    return True


def read_keys_now(az: Az, environ: Mapping[str, str]) -> None:
    """Has the app look its vault references up again; by itself it would within a day.

    (App Service documentation, "Use Key Vault references", "Understand rotation".)
    """
    site = (
        f"/subscriptions/{environ['AZURE_SUBSCRIPTION_ID']}"
        f"/resourceGroups/{environ['AZURE_RESOURCE_GROUP']}"
        f"/providers/Microsoft.Web/sites/{environ['APP_NAME']}"
    )
    refresh = "config/configreferences/appsettings/refresh?api-version=2022-03-01"
    az("rest", "--method", "post", "--url", f"{MANAGEMENT}{site}/{refresh}")


def left_to_do(environ: Mapping[str, str]) -> list[str]:
    """What only an administrator of each tenant can do."""
    lines = ["", "An administrator of each organization's Entra tenant consents once:"]
    for tenant in json.loads(environ["ORGANIZATION_TENANTS"]):
        client_id = environ["ENTRA_CLIENT_ID"]
        login = f"https://login.microsoftonline.com/{tenant}/adminconsent"
        lines.append(f"  {login}?client_id={client_id}")
    return [*lines, "Then docs/first-deployment.md goes on with step 5."]


def _find(az: Az, name: str) -> dict[str, Any] | None:
    filtered = f"/applications?$filter=displayName eq '{name}'&$select=id,appId"
    found: list[dict[str, Any]] = _graph(az, "get", filtered)["value"]
    if len(found) > 1:
        raise AzFailed(
            f"There are {len(found)} app registrations called {name}; delete the others."
        )
    return found[0] if found else None


def _graph(az: Az, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    arguments = ["rest", "--method", method, "--url", f"{GRAPH}{path}"]
    if body is not None:
        arguments += ["--headers", "Content-Type=application/json", "--body", json.dumps(body)]
    answer = az(*arguments)
    return json.loads(answer) if answer.strip() else None


def _patiently(ask: Callable[[], str], wait: Callable[[float], None]) -> str:
    """Asks again while a role that was given just now has not arrived."""
    waited = 0.0
    while True:
        try:
            return ask()
        except AzFailed as error:
            if "Forbidden" not in str(error) or waited >= _PATIENCE_S:
                raise
        wait(15.0)
        waited += 15.0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except Stopped as stopped:
        sys.exit(f"{stopped}\nWhat is needed: docs/first-deployment.md")
    except KeyError as missing:
        sys.exit(f"{missing} is not set. azd sets it: azd hooks run preprovision|postprovision")
