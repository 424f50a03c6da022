"""Provisions one machine's storage and puts the demo's records and keys there; safe to run again.

In Azure the infrastructure makes tables, containers and queues; here this does, from the same list.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import replace

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.deployment import people
from shared.access.keys import SCOPES, store_key
from shared.model import Record, RecordRef
from shared.organizations import Organization, Organizations, OrganizationSettings
from shared.records.store import load_record, store_record
from shared.replies.mailboxes import watch
from shared.service import utc_now
from shared.settings import OrganizationEntry, Settings
from shared.storage.names import CONTAINERS, HOST_CONTAINERS, QUEUES, TABLES

RECORDS = (
    Record(RecordRef("contact", "c-1"), "Li Wei", ("li@example.com",), time_zone="Asia/Shanghai"),
    Record(
        RecordRef("contact", "c-2"),
        "Joana Prado",
        ("joana@example.com",),
        phone="+55 11 5550-0100",
        address={"country": "BR", "region": "SP", "city": "São Paulo"},
        time_zone="America/Sao_Paulo",
    ),
    Record(RecordRef("contact", "c-3"), "Sam Doe", ("sam@example.com",), follow_email=False),
    Record(RecordRef("lead", "l-1"), "Noor Haddad", ("noor@example.net",)),
    Record(RecordRef("account", "a-1"), "Example Trading", ("office@example.org",)),
    Record(RecordRef("opportunity", "o-7"), "Spring order"),
)
"""Demo people; the addresses are of domains that belong to nobody (RFC 2606)."""


async def provision(settings: Settings) -> None:
    """Makes every table, container and queue the code uses."""
    for entry in settings.organizations.values():
        await _provision_organization(entry, settings.local_storage_keys[entry.id])
    async with BlobServiceClient.from_connection_string(settings.host_blobs) as blobs:
        for name in HOST_CONTAINERS:
            await _unless_there(blobs.create_container(name))
    async with QueueServiceClient.from_connection_string(settings.host_queues) as queues:
        for name in QUEUES:
            for queue in (name, f"{name}-poison"):
                await _unless_there(queues.create_queue(queue))


async def seed(settings: Settings) -> None:
    """Puts the demo's keys and records into every organization; leaves changed records alone."""
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    try:
        for organization in organizations.all():
            await _seed_organization(organization)
    finally:
        await organizations.close()


async def _provision_organization(entry: OrganizationEntry, key: str) -> None:
    credential = AzureNamedKeyCredential(entry.tables.rsplit("/", 1)[-1], key)
    async with TableServiceClient(entry.tables, credential=credential) as tables:
        for name in TABLES:
            await _unless_there(tables.create_table(name))
    async with BlobServiceClient(entry.blobs, credential=credential) as blobs:
        for name in CONTAINERS:
            await _unless_there(blobs.create_container(name))


async def _seed_organization(organization: Organization) -> None:
    key = f"local-{organization.id}"
    await store_key(organization, key, "one machine", frozenset(SCOPES), utc_now())
    await organization.change_settings(_as_fast_as_the_local_graph)
    for record in RECORDS:
        if await load_record(organization, record.ref) is None:
            await store_record(organization, record)


def _as_fast_as_the_local_graph(settings: OrganizationSettings) -> OrganizationSettings:
    """Exchange's pace only where nobody chose one: a demo would wait for nothing."""
    default = OrganizationSettings()
    if (settings.sends_a_minute, settings.sends_at_once) != (
        default.sends_a_minute,
        default.sends_at_once,
    ):
        return settings
    return replace(settings, sends_a_minute=1000, sends_at_once=16)


async def _unless_there(made: Awaitable[object]) -> None:
    try:
        await made
    except ResourceExistsError:
        return


async def watch_sellers(settings: Settings) -> None:
    """Has the demo sellers' mailboxes watched from the start, and not from their first message."""
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    try:
        for organization in organizations.all():
            for person in people():
                if organization.has_domain_of(str(person["address"])):
                    await watch(organization, str(person["address"]), utc_now())
    finally:
        await organizations.close()


async def main() -> None:
    settings = Settings.from_env(os.environ)
    await provision(settings)
    await seed(settings)
    await watch_sellers(settings)


if __name__ == "__main__":
    asyncio.run(main())
