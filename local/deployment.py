"""What the infrastructure writes on Azure, for one machine: organizations, people, app settings."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local import azurite
from local.ports import Ports

HOST_ACCOUNT = "host"


@dataclass(frozen=True)
class DemoOrganization:
    """One of the organizations that are there on every machine."""

    id: str
    name: str
    tenant: str
    domain: str


ORGANIZATIONS = (
    DemoOrganization("contoso", "Contoso", "11111111-1111-1111-1111-111111111111", "contoso.com"),
    DemoOrganization(
        "fabrikam", "Fabrikam", "22222222-2222-2222-2222-222222222222", "fabrikam.com"
    ),
)
_ROLES = (("Ana", "seller"), ("Bruno", "manager"), ("Carla", "administrator"))


@dataclass(frozen=True)
class Secrets:
    """What is made once for a data folder: keys that what it holds depends on."""

    signing_keys: str
    auth_secret: str
    account_keys: dict[str, str]

    def __repr__(self) -> str:
        return "Secrets(***)"

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @staticmethod
    def from_json(text: str) -> "Secrets":
        return Secrets(**json.loads(text))


def new_secrets() -> Secrets:
    """Fresh keys: one to sign links, one for sign-in, one for each storage account."""
    accounts = [HOST_ACCOUNT, *(organization.id for organization in ORGANIZATIONS)]
    return Secrets(
        signing_keys=f"k1:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip('=')}",
        auth_secret=secrets.token_urlsafe(32),
        account_keys={
            account: base64.b64encode(secrets.token_bytes(64)).decode() for account in accounts
        },
    )


def app_settings(ports: Ports, data: Path, keys: Secrets) -> dict[str, str]:
    """The host's app settings, by the names that Azure uses; LOCAL_ ones exist only here."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": azurite.connection_string(
            HOST_ACCOUNT, keys.account_keys[HOST_ACCOUNT], ports
        ),
        "ORGANIZATIONS": json.dumps([_registered(each, ports) for each in ORGANIZATIONS]),
        "SIGNING_KEYS": keys.signing_keys,
        "PUBLIC_ADDRESS": f"http://localhost:{ports.host}",
        "JOURNAL_DIR": str(data / "journal"),
        "WEBSITE_AUTH_ENABLED": "True",
        "ENTRA_CLIENT_ID": "",  # no Entra: the local host signs people in
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "",  # no traces
        "DUE_SCHEDULE": "*/15 * * * * *",
        "SWEEP_SCHEDULE": "*/10 * * * * *",
        "WATCH_SCHEDULE": "*/2 * * * * *",
        "LOOK_SECONDS": "20",
        "TRUSTED_PROXY_HOPS": "1",
        "COUNTRY_HEADER": "",
        "LOCAL_STORAGE_KEYS": json.dumps(
            {each.id: keys.account_keys[each.id] for each in ORGANIZATIONS}
        ),
        "LOCAL_GRAPH": f"http://127.0.0.1:{ports.graph}/v1.0",
        "LOCAL_AUTH_SECRET": keys.auth_secret,
        "LOCAL_PEOPLE": json.dumps(people()),
    }


def people() -> list[Mapping[str, object]]:
    """Who can sign in here: in each organization a seller, a manager and an administrator."""
    return [
        {
            "name": name,
            "address": f"{name.lower()}@{organization.domain}",
            "tenant": organization.tenant,
            "roles": [role],
        }
        for organization in ORGANIZATIONS
        for name, role in _ROLES
    ]


def _registered(organization: DemoOrganization, ports: Ports) -> dict[str, object]:
    return {
        "id": organization.id,
        "name": organization.name,
        "tables": f"http://127.0.0.1:{ports.table}/{organization.id}",
        "blobs": f"http://127.0.0.1:{ports.blob}/{organization.id}",
        "tenant": organization.tenant,
        "domains": [organization.domain],
        "publicAddress": None,
    }
