"""The settings of one deployment, read once from a mapping (the process environment).

Those whose names begin with `LOCAL_` exist on one machine only; the infrastructure never sets them.
The settings of an *organization* (engagement on or off, limits, mailboxes) are rows of its own
storage: see `shared.organizations`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured

ORGANIZATION_ID = re.compile(r"[a-z0-9]{2,24}")
_ADDRESS = r"https?://[^/?#\s]+/?"
KEY_ID = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class OrganizationEntry:
    """One organization as the infrastructure registers it in the setting `ORGANIZATIONS`.

    `tables` and `blobs` are the endpoints of its storage account; `tenant` is its Entra tenant;
    `domains` are those its sellers send from by default; `public_address` overrides
    `PUBLIC_ADDRESS`.
    """

    id: str
    name: str
    tables: str
    blobs: str
    tenant: str
    domains: tuple[str, ...]
    public_address: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the app. Secrets are not shown by `repr`."""

    organizations: Mapping[str, OrganizationEntry]
    signing_keys: Mapping[str, bytes] = field(repr=False)
    """Key id → 32 or more bytes; the first signs, all verify. Empty: withdrawn (its links say
    410)."""
    public_address: str
    host_queues: str = field(repr=False)
    """Connection string of the host's storage account, or its queue endpoint where identity is
    used."""
    host_blobs: str = field(repr=False)
    """Connection string of the host's storage account, or its blob endpoint."""
    journal_dir: Path
    signed_in_people: bool
    """Whether the platform's authentication is on, so that its principal header can be trusted."""
    entra_client_id: str | None = None
    """The app registration that acts in the organizations' tenants; None: the identity itself,
    which has no tenant but its own."""
    telemetry: str | None = field(default=None, repr=False)
    """Connection string of Application Insights, which takes traces; None: there are none."""
    trusted_proxy_hops: int = 1
    """How many proxies stand before the app and each add whom they talk to to X-Forwarded-For: of
    its entries the client's address is this one, counted from the right. 0: none of them."""
    country_header: str | None = None
    """The header in which the platform tells a client's country, in lower case; None: it does
    not."""
    look_seconds: int = 300
    """How often a mailbox is asked what came, should a notification have been lost."""
    local_storage_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    local_graph: str | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads and checks all settings; raises `Misconfigured` naming everything that is wrong."""
        wrong: list[str] = []
        reader = _Reader(environ, wrong)
        public_address = reader.address("PUBLIC_ADDRESS")
        settings = cls(
            organizations=reader.organizations("ORGANIZATIONS", public_address),
            signing_keys=reader.signing_keys("SIGNING_KEYS"),
            public_address=public_address,
            host_queues=reader.host_storage("queueServiceUri"),
            host_blobs=reader.host_storage("blobServiceUri"),
            journal_dir=Path(
                environ.get("JOURNAL_DIR") or Path(tempfile.gettempdir(), "engagement-journal")
            ),
            signed_in_people=environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
            entra_client_id=environ.get("ENTRA_CLIENT_ID") or None,
            telemetry=environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING") or None,
            trusted_proxy_hops=reader.few("TRUSTED_PROXY_HOPS", default=1),
            country_header=environ.get("COUNTRY_HEADER", "").strip().lower() or None,
            look_seconds=reader.seconds("LOOK_SECONDS", default=300),
            local_storage_keys=reader.texts("LOCAL_STORAGE_KEYS"),
            local_graph=environ.get("LOCAL_GRAPH") or None,
        )
        if wrong:
            raise Misconfigured("The settings cannot be used: " + "; ".join(wrong) + ".")
        return settings


def _as_browsers_spell(address: str) -> str:
    """An address as links that were sent are recognized by: lower case, no default port."""
    scheme, _, host = address.rstrip("/").lower().partition("://")
    return f"{scheme}://{host.removesuffix({'http': ':80', 'https': ':443'}.get(scheme, ''))}"


class _Reader:
    """Reads single settings and collects what is wrong, so that one message names everything."""

    def __init__(self, environ: Mapping[str, str], wrong: list[str]) -> None:
        self._environ = environ
        self._wrong = wrong

    def missing(self, name: str) -> str:
        self._wrong.append(f"{name} is missing")
        return ""

    def host_storage(self, service: str) -> str:
        """The host's connection string, else its endpoint for a service."""
        name = f"AzureWebJobsStorage__{service}"
        return (
            self._environ.get("AzureWebJobsStorage")
            or self._environ.get(name)
            or self.missing(f"AzureWebJobsStorage or {name}")
        )

    def address(self, name: str) -> str:
        value = self._environ.get(name) or self.missing(name)
        if value and not re.fullmatch(_ADDRESS, value):
            self._wrong.append(f"{name} must be an http(s) address without a path, not {value!r}")
        return _as_browsers_spell(value)

    def seconds(self, name: str, default: int) -> int:
        value = self._environ.get(name) or str(default)
        if not re.fullmatch(r"[1-9]\d{0,5}", value, re.A):
            self._wrong.append(f"{name} must be a number of seconds, not {value!r}")
            return default
        return int(value)

    def few(self, name: str, default: int) -> int:
        value = self._environ.get(name) or str(default)
        if not re.fullmatch(r"\d", value, re.A):
            self._wrong.append(f"{name} must be a number from 0 to 9, not {value!r}")
            return default
        return int(value)

    def json(self, name: str, default: Any) -> Any:
        value = self._environ.get(name)
        if not value:
            return default
        try:
            return json.loads(value)
        except ValueError:
            self._wrong.append(f"{name} is not JSON")
            return default

    def texts(self, name: str) -> dict[str, str]:
        values = self.json(name, {})
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            self._wrong.append(f"{name} must be a JSON object of texts")
            return {}
        return values

    def organizations(self, name: str, public_address: str) -> dict[str, OrganizationEntry]:
        if not self._environ.get(name):
            self.missing(name)
        values = self.json(name, [])
        if not isinstance(values, list):
            self._wrong.append(f"{name} must be a JSON list")
            return {}
        entries: dict[str, OrganizationEntry] = {}
        for place, value in enumerate(values):
            entry = self._organization(f"{name}[{place}]", value, public_address)
            if entry is None:
                continue
            if entry.id in entries:
                self._wrong.append(f"{name} has the id {entry.id} twice")
            if any(entry.tables == other.tables for other in entries.values()):
                # Two organizations in one account would see each other's rows (rule A1).
                self._wrong.append(f"{name}: {entry.id} shares its storage account with another")
            entries[entry.id] = entry
        return entries

    def _organization(self, name: str, value: Any, public_address: str) -> OrganizationEntry | None:
        fields = value if isinstance(value, dict) else {}
        texts = {key: fields.get(key) for key in ("tables", "blobs", "tenant")}
        id_ = fields.get("id")
        domains = fields.get("domains")
        own_address = fields.get("publicAddress") or public_address
        wrong = [key for key, text in texts.items() if not isinstance(text, str) or not text]
        if not isinstance(domains, list) or not all(isinstance(each, str) for each in domains):
            wrong.append("domains (a list)")
        if not isinstance(own_address, str) or not re.fullmatch(_ADDRESS, own_address):
            wrong.append("publicAddress (an http(s) address without a path)")
        if not isinstance(id_, str) or not ORGANIZATION_ID.fullmatch(id_):
            wrong.append(f"id (2 to 24 of a-z and 0-9, not {id_!r})")
        if wrong:
            self._wrong.append(f"{name} has no usable {', '.join(wrong)}")
            return None
        assert isinstance(domains, list)
        return OrganizationEntry(
            id=str(id_),
            name=str(fields.get("name") or id_),
            tables=str(texts["tables"]).rstrip("/"),
            blobs=str(texts["blobs"]).rstrip("/"),
            tenant=str(texts["tenant"]),
            domains=tuple(domain.lower() for domain in domains),
            public_address=_as_browsers_spell(own_address),
        )

    def signing_keys(self, name: str) -> dict[str, bytes]:
        keys: dict[str, bytes] = {}
        for part in (self._environ.get(name) or self.missing(name)).split(","):
            key_id, _, text = part.strip().partition(":")
            if not part.strip():
                continue
            if key_id in keys:
                self._wrong.append(f"{name} has the key id {key_id} twice")
            if text == "withdrawn" and KEY_ID.fullmatch(key_id):
                keys[key_id] = b""
                continue
            try:
                secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                secret = b""
            if not KEY_ID.fullmatch(key_id) or len(secret) < 32:
                self._wrong.append(
                    f"{name} must be id:key pairs, the key base64url of 32 bytes or more"
                )
                continue
            keys[key_id] = secret
        if not any(keys.values()):
            self._wrong.append(f"{name} has no key to sign with")
        return keys
