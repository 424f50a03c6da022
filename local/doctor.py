"""Examines the deployment of this machine, whether or not its processes run: `dev.py doctor`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import httpx

from local.data_folder import secrets_of
from local.deployment import app_settings
from local.ports import Ports
from shared.administration.examination import Deployment, Examination, examine
from shared.administration.findings import finding
from shared.errors import Misconfigured
from shared.graph.client import GraphTenant, close_graph_clients
from shared.graph.mail import Mail
from shared.organizations import Organization, Organizations
from shared.service import utc_now
from shared.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.queues import Queues

_GRAPH_PATIENCE_S = 10.0


async def examine_machine(
    environ: Mapping[str, str], clock: Callable[[], datetime]
) -> dict[str, Examination]:
    """Everything about each organization that these app settings name. With settings that cannot be
    used that is all there is to say, about `settings`."""
    try:
        settings = Settings.from_env(environ)
    except Misconfigured as error:
        return {"settings": _misconfigured(error)}
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    queues, host_blobs = Queues(settings.host_queues), Blobs(settings.host_blobs)

    def mail_of(organization: Organization) -> Mail:
        tenant = organization.entry.tenant
        client_id = settings.entra_client_id
        return Mail(GraphTenant(tenant, settings.local_graph, _GRAPH_PATIENCE_S, client_id))

    deployment = Deployment(settings, queues, host_blobs, mail_of, clock)
    try:
        return {one.id: await examine(deployment, one) for one in organizations.all()}
    finally:
        await organizations.close()
        await queues.close()
        await host_blobs.close()
        await close_graph_clients()


def _misconfigured(error: Misconfigured) -> Examination:
    _, _, what = str(error).partition(": ")
    details = what.rstrip(".").split("; ")
    return Examination([finding("settingWrong", "settings", detail=one) for one in details])


async def host_answers(address: str) -> Examination:
    """Whether the host says that it is ready."""
    said = ""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.get(f"{address}/api/health")
        if answer.status_code != 200:
            said = f"its health says {answer.status_code}"
    except httpx.TransportError as error:
        said = type(error).__name__
    return Examination([finding("serviceAway", address, detail=said)] if said else [])


async def _main(port: int, data: Path) -> int:
    settings = app_settings(Ports(port), data, secrets_of(data))
    found = {"the host": await host_answers(f"http://localhost:{port}")}
    found |= await examine_machine(settings, utc_now)
    print(json.dumps({about: one.shown() for about, one in found.items()}))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Prints as JSON what was found, by organization."""
    parser = argparse.ArgumentParser(prog="python -m local.doctor", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args(arguments)
    return asyncio.run(_main(options.port, options.data))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
