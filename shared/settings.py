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
            local_storage_keys=reader.json("LOCAL_STORAGE_KEYS", {}),
            local_graph=environ.get("LOCAL_GRAPH") or None,
        )
        if wrong:
            raise Misconfigured("The settings cannot be used: " + "; ".join(wrong) + ".")
        return settings


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
        if value and not re.fullmatch(r"https?://[^/?#\s]+/?", value):
            self._wrong.append(f"{name} must be an http(s) address without a path, not {value!r}")
        return value.rstrip("/")

    def json(self, name: str, default: Any) -> Any:
        value = self._environ.get(name)
        if not value:
            return default
        try:
            return json.loads(value)
        except ValueError:
            self._wrong.append(f"{name} is not JSON")
            return default

    def organizations(self, name: str, public_address: str) -> dict[str, OrganizationEntry]:
        if not self._environ.get(name):
            self.missing(name)
        entries: dict[str, OrganizationEntry] = {}
        for value in self.json(name, []):
            try:
                entry = OrganizationEntry(
                    id=value["id"],
                    name=value.get("name") or value["id"],
                    tables=value["tables"].rstrip("/"),
                    blobs=value["blobs"].rstrip("/"),
                    tenant=value["tenant"],
                    domains=tuple(domain.lower() for domain in value["domains"]),
                    public_address=(value.get("publicAddress") or public_address).rstrip("/"),
                )
            except (KeyError, TypeError, AttributeError) as error:
                self._wrong.append(f"{name} has an entry without a usable {error}")
                continue
            if not ORGANIZATION_ID.fullmatch(entry.id):
                self._wrong.append(f"{name}: the id {entry.id!r} must be 2 to 24 of a-z and 0-9")
            entries[entry.id] = entry
        return entries

    def signing_keys(self, name: str) -> dict[str, bytes]:
        keys: dict[str, bytes] = {}
        for part in (self._environ.get(name) or self.missing(name)).split(","):
            key_id, _, text = part.strip().partition(":")
            if not part.strip():
                continue
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
