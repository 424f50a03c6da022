"""Examining a deployment: everything it stands on is looked at, and what is wrong is named.

Nothing is changed. Of what organizations share, only what is about the one examined is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.administration.findings import Finding, finding
from shared.errors import StorageUnavailable
from shared.graph.errors import GraphError, NotFound, Refused, Throttled
from shared.graph.mail import Mail
from shared.messages.rows import instant_of, milliseconds
from shared.organizations import Organization
from shared.replies.mailboxes import WatchedMailbox, watched
from shared.sending import due
from shared.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.looks import (
    Look,
    State,
    look_at_container,
    look_at_queue,
    look_at_signing,
    look_at_table,
)
from shared.storage.names import CONTAINERS, HOST_CONTAINERS, QUEUES, TABLES
from shared.storage.queues import Queues
from shared.timing import reminding
from shared.tracking import overflow, segments
from shared.tracking.fold import LATE_S

CLOCKS_DIFFER = timedelta(seconds=60)
_OVERDUE = timedelta(minutes=5)
_MAILBOXES = 20
"""More are not asked for one by one: Graph has a pace."""
_NO_MAILBOX = "postmaster"
"""Whoever answers that there is no such mailbox is there, and knows us."""


@dataclass(frozen=True)
class Deployment:
    """What an examination is given: the settings, the clients, and the clock."""

    settings: Settings
    queues: Queues
    host_blobs: Blobs
    mail_of: Callable[[Organization], Mail]
    clock: Callable[[], datetime]


@dataclass
class Examination:
    """What was found, and some of what was seen."""

    findings: list[Finding] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {
            "healthy": not self.findings,
            "findings": [
                {"code": f.code, "about": f.about, "problem": f.problem, "advice": f.advice}
                for f in self.findings
            ],
            "seen": self.seen,
        }


async def examine(deployment: Deployment, organization: Organization) -> Examination:
    """Looks at everything one organization stands on, the shared parts too."""
    result = Examination()
    result.findings += unsafe_settings(deployment.settings, organization)
    host, storage, graph = await asyncio.gather(
        _host(deployment, organization),
        _storage(deployment, organization),
        _graph(deployment, organization),
    )
    for part in (host, storage, graph):
        result.findings += part.findings
        result.seen |= part.seen
    return result


def unsafe_settings(settings: Settings, organization: Organization) -> list[Finding]:
    """What the settings allow and Azure, mail programs or Graph do not."""
    found = []
    address = organization.entry.public_address
    if settings.local_graph is None and not address.startswith("https:"):
        found.append(finding("addressNotSecure", address))
    tenants = {entry.tenant.lower() for entry in settings.organizations.values()}
    alone = settings.local_graph is None and settings.entra_client_id is None
    if alone and len(tenants) > 1:
        found.append(finding("tenantNotReached", "ENTRA_CLIENT_ID"))
    return found


async def _host(deployment: Deployment, organization: Organization) -> Examination:
    """The host's account: queues with their poison, and the overflow."""
    result = Examination()
    names = [name for queue in QUEUES for name in (queue, f"{queue}-poison")]
    queues = await asyncio.gather(
        *(look_at_queue(deployment.queues, name, deployment.clock()) for name in names)
    )
    blobs = deployment.host_blobs
    containers = await asyncio.gather(*(look_at_container(blobs, one) for one in HOST_CONTAINERS))
    looks = {("queueMissing", name): look for name, look in zip(names, queues, strict=True)}
    for name, look in zip(HOST_CONTAINERS, containers, strict=True):
        looks["containerMissing", name] = look
    result.findings += _of_storage("the host's storage", looks)
    for name, look in zip(names, queues, strict=True):
        number = look.words_of(organization.id)
        if name.endswith("-poison") and number:
            result.findings.append(finding("poisoned", name, number=number))
        elif look.stands is not None and name in QUEUES:
            seconds = round(look.stands.total_seconds())
            result.findings.append(finding("queueStands", name, seconds=seconds))
    with contextlib.suppress(StorageUnavailable):  # found above
        async for _ in blobs.names(overflow.CONTAINER, f"{organization.id}/"):
            result.findings.append(finding("hitsInOverflow", overflow.CONTAINER))
            break
    return result


async def _storage(deployment: Deployment, organization: Organization) -> Examination:
    """The organization's own account: tables, containers, its clock, and what waits there."""
    result = Examination()
    tables = await asyncio.gather(*(look_at_table(organization.tables, one) for one in TABLES))
    containers = await asyncio.gather(
        *(look_at_container(organization.blobs, one) for one in CONTAINERS)
    )
    now = deployment.clock()
    signing = await asyncio.gather(
        *(look_at_signing(organization.blobs, one, now) for one in CONTAINERS)
    )
    looks = {("tableMissing", name): look for name, look in zip(TABLES, tables, strict=True)}
    for name, look, signed in zip(CONTAINERS, containers, signing, strict=True):
        looks["containerMissing", name] = look
        if signed.state is not State.THERE:
            looks["containerMissing", f"upload addresses of {name}"] = signed
    result.findings += _of_storage(f"the storage of {organization.id}", looks)
    differences = [abs(look.at - now) for look in looks.values() if look.at is not None]
    if differences and min(differences) > CLOCKS_DIFFER:
        seconds = round(min(differences).total_seconds())
        result.findings.append(finding("clockWrong", "storage", seconds=seconds))
    for waits in (_hits, _due, _reminders, _subscriptions):
        with contextlib.suppress(StorageUnavailable):  # found above, or a table is missing
            waiting = await waits(organization, now)
            result.findings += waiting.findings
            result.seen |= waiting.seen
    return result


async def _hits(organization: Organization, now: datetime) -> Examination:
    result = Examination()
    tables = organization.tables
    oldest = await tables.page(segments.TABLE, segments.PARTITION, limit=1)
    written = next((read.row["RowKey"][:13] for read in oldest), "")
    waited = (now - instant_of(int(written))).total_seconds() if written.isdecimal() else 0.0
    result.seen["hitsWaitSeconds"] = max(round(waited), 0)
    if waited > LATE_S:
        result.findings.append(finding("hitsWait", organization.id, seconds=round(waited)))
    if await tables.page(segments.TABLE, segments.ASIDE_PARTITION, limit=1):
        result.findings.append(finding("hitsAside", organization.id))
    return result


async def _due(organization: Organization, now: datetime) -> Examination:
    below = f"{milliseconds(now - _OVERDUE):013d}"
    late = await organization.tables.page(due.TABLE, due.PARTITION, below=below, limit=1)
    since = [now - instant_of(int(read.row["RowKey"][:13])) for read in late]
    return Examination(
        [
            finding("dueNotFired", organization.id, seconds=round(one.total_seconds()))
            for one in since
        ]
    )


async def _reminders(organization: Organization, now: datetime) -> Examination:
    below = f"{milliseconds(now - reminding.PATIENCE - _OVERDUE):013d}"
    late = await organization.tables.page(
        reminding.TABLE, reminding.PARTITION, below=below, limit=1
    )
    return Examination([finding("remindersWait", organization.id) for _ in late])


async def _subscriptions(organization: Organization, now: datetime) -> Examination:
    result = Examination()
    number = 0
    if (await organization.settings()).engagement:
        async for one in watched(organization):
            number += 1
            result.findings += _of_subscription(one.mailbox, now)
    result.seen["watchedMailboxes"] = number
    return result


def _of_subscription(mailbox: WatchedMailbox, now: datetime) -> list[Finding]:
    if mailbox.problem is not None:
        return [finding("notWatched", mailbox.address, detail=mailbox.problem)]
    if mailbox.expires_at is not None and mailbox.expires_at <= now:
        return [finding("subscriptionExpired", mailbox.address)]
    return []


async def _graph(deployment: Deployment, organization: Organization) -> Examination:
    """Whether Graph is there, and lets us into the mailboxes that send."""
    mail = deployment.mail_of(organization)
    mailboxes: list[str] = []
    with contextlib.suppress(StorageUnavailable):  # found with the storage
        mailboxes = list((await organization.settings()).sending_mailboxes)
        mailboxes = mailboxes or [one.mailbox.address async for one in watched(organization)]
    looked_into = mailboxes[:_MAILBOXES]
    if not looked_into:
        looked_into = [f"{_NO_MAILBOX}@{domain}" for domain in organization.entry.domains[:1]]
    said = await asyncio.gather(*(_look_into(mail, each) for each in looked_into))
    found = [one for one in said if one is not None]
    if not mailboxes:
        found = [one for one in found if not one.code.startswith("mailbox")]
    return Examination(_each_once(found), {"sendingMailboxes": len(mailboxes)})


async def _look_into(mail: Mail, mailbox: str) -> Finding | None:
    try:
        await mail.find_by_send_key(mailbox, "of no message")
    except NotFound:
        return finding("mailboxUnknown", mailbox)
    except Throttled:
        return finding("graphThrottles", "Microsoft Graph")
    except Refused as error:
        if error.code == "ErrorAccessDenied":
            return finding("mailboxOutOfScope", mailbox)
        return finding("graphRefuses", "Microsoft Graph", detail=f"{error.status}, {error.code}")
    except GraphError as error:
        return finding("graphAway", "Microsoft Graph", detail=type(error).__name__)
    return None


def _each_once(findings: Iterable[Finding]) -> list[Finding]:
    return list({(one.code, one.about): one for one in findings}.values())


def _of_storage(account: str, looks: Mapping[tuple[str, str], Look]) -> list[Finding]:
    """What looks at an account have found, by what is missing and its name. Where storage refuses
    us, or is away, it does so for most of it: that is said once."""
    found = [
        finding(missing, name)
        for (missing, name), look in looks.items()
        if look.state is State.MISSING
    ]
    for state, code in ((State.REFUSED, "storageRefused"), (State.AWAY, "storageAway")):
        names = [name for (_, name), look in looks.items() if look.state is state]
        said = next((look.said for look in looks.values() if look.state is state), "")
        if names:
            about = f"{account}: {', '.join(names)}" if len(names) < len(looks) else account
            found.append(finding(code, about, said=said))
    return found
