"""Organizations in storage of their own, for one test or one module each.

One Azurite has many accounts; whoever needs organizations takes accounts that nobody had before, so
that nothing has to be emptied and no test meets what another left.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NoReturn

from local.demo import provision, seed
from shared.errors import StorageUnavailable
from shared.settings import Settings
from shared.storage.blobs import Blobs
from shared.tracking.overflow import Overflow
from shared.tracking.tokens import Signer
from tests.running_azurite import RunningAzurite

DEPLOYMENTS = 400
"""How many deployments one session can make; each has an account for the host and for each of
`ORGANIZATIONS`."""

HOST = "host"
ORGANIZATIONS = {
    "contoso": "11111111-1111-1111-1111-111111111111",
    "fabrikam": "22222222-2222-2222-2222-222222222222",
}
"""Ids and Entra tenants."""

ACCOUNTS = [f"{role}{n:03d}" for n in range(DEPLOYMENTS) for role in (HOST, *ORGANIZATIONS)]
_PROVISIONED = "provisioned"


@dataclass(frozen=True)
class Deployment:
    """Contoso and Fabrikam in fresh accounts of an Azurite: the app settings say where."""

    environ: dict[str, str] = field(repr=False)

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.environ)

    async def provision(self) -> None:
        """Makes every table, container and queue, without any demo data."""
        await provision(self.settings)

    async def seed(self) -> None:
        """Puts the demo's keys (`local-contoso`, `local-fabrikam`) and records there."""
        await seed(self.settings)

    @property
    def signer(self) -> Signer:
        """What signs the links of this deployment."""
        return Signer(self.settings.signing_keys)

    def with_settings(self, **changes: str) -> Deployment:
        return Deployment(self.environ | changes)


class Deployments:
    """Hands out deployments in accounts that nobody had before."""

    def __init__(self, azurite: RunningAzurite) -> None:
        self.azurite = azurite
        self._numbers: Iterator[int] = count()

    def new(self, journal: Path) -> Deployment:
        """A deployment that is not provisioned yet; its journals are in that folder."""
        number = next(self._numbers)
        if number >= DEPLOYMENTS:
            raise RuntimeError(f"the tests make more than {DEPLOYMENTS} deployments: raise that")
        azurite = self.azurite
        accounts = {id_: f"{id_}{number:03d}" for id_ in ORGANIZATIONS}
        return Deployment(
            {
                "FUNCTIONS_WORKER_RUNTIME": "python",
                "AzureWebJobsStorage": azurite.connection_string(f"{HOST}{number:03d}"),
                "ORGANIZATIONS": json.dumps(
                    [
                        {
                            "id": id_,
                            "name": id_.capitalize(),
                            "tables": azurite.tables(accounts[id_]),
                            "blobs": azurite.blobs(accounts[id_]),
                            "tenant": tenant,
                            "domains": [f"{id_}.com"],
                            "publicAddress": None,
                        }
                        for id_, tenant in ORGANIZATIONS.items()
                    ]
                ),
                "SIGNING_KEYS": f"k1:{new_signing_key()}",
                "PUBLIC_ADDRESS": "http://follow.example",
                "JOURNAL_DIR": str(journal),
                "WEBSITE_AUTH_ENABLED": "True",
                "DUE_SCHEDULE": "*/15 * * * * *",
                "SWEEP_SCHEDULE": "*/10 * * * * *",
                # Who wants replies says how often.
                "WATCH_SCHEDULE": "0 0 0 1 1 *",
                "LOOK_SECONDS": "20",
                "LOCAL_STORAGE_KEYS": json.dumps(
                    {id_: azurite.keys[account] for id_, account in accounts.items()}
                ),
            }
        )


def new_signing_key() -> str:
    """Thirty-two bytes as the setting `SIGNING_KEYS` spells them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def ms(self) -> int:
        """Milliseconds since 1970, as hits carry them."""
        return round(self.now.timestamp() * 1000)

    def move(self, **by: float) -> datetime:
        """Moves it on, as `timedelta` counts: `clock.move(seconds=30)`."""
        self.now += timedelta(**by)
        return self.now


class _Away(Blobs):
    async def _open(self) -> NoReturn:
        raise StorageUnavailable("nobody answers")


def overflow_away(clock: MovableClock) -> Overflow:
    """An overflow that does not answer, and opens no connection that somebody must close."""
    return Overflow(_Away("http://127.0.0.1:9/nobody", "a2V5"), clock)
