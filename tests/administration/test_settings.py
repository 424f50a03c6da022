"""What an organization decides for itself, and whether the service is up (A2, F6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueServiceClient
from hypothesis import given
from hypothesis import strategies as st

from local.toolchain import doctor
from local.toolchain.steps import Stop
from shared.organizations import Organization, OrganizationSettings
from tests.local.host.running_host import RunningHost
from tests.running_storage import MovableClock
from tests.web.running_service import RunningService

START = {
    "engagement": True,
    "recipientLimit": 20,
    "sendingMailboxes": [],
    "language": "en",
    "attachmentLimitMb": 25,
    "ipHandling": "dropped",
    "ownNetworks": [],
    "fileDrive": None,
    "fileLinkDays": 180,
    # The demo's: the local Graph takes more than Exchange does.
    "sendsPerMinute": 1000,
    "sendsAtOnce": 16,
    "assistant": True,
    "cards": {
        "opened": True,
        "reminderDue": True,
        "failed": True,
        "bounced": True,
        "clicked": True,
        "attachmentViewed": True,
        "replied": True,
        "openedAgain": True,
    },
}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def change(service: RunningService, body: Any, **more: Any) -> Any:
    return service.call("PATCH", "settings", body, **more)


@pytest.mark.processes
def test_the_service_says_that_it_is_ready_to_everybody(service: RunningService) -> None:
    answer = service.call("GET", "/api/health", key=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.processes
def test_the_service_examines_itself_for_an_administrator(service: RunningService) -> None:
    answer = service.call("GET", "health")
    assert answer.status_code == 200, answer.text
    examined = answer.json()
    assert (examined["healthy"], examined["findings"]) == (True, [])
    assert examined["seen"]["hitsWaitSeconds"] == 0
    secrets = [*service.deployment.settings.local_storage_keys.values()]
    secrets.append(service.deployment.environ["SIGNING_KEYS"])
    assert not any(secret in answer.text for secret in secrets)
    told = doctor.of_deployment(service.host.address, doctor.keys_of(["contoso"], None))
    assert told["contoso"]["findings"] == []


@pytest.mark.processes
def test_faults_are_found_from_outside_too(
    service: RunningService, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = service.deployment.settings.host_queues
    with QueueServiceClient.from_connection_string(storage) as queues:
        queues.delete_queue("replies-poison")
        queues.get_queue_client("fold-poison").send_message('{"organization": "contoso"}')
        keys = doctor.keys_of(["contoso", "fabrikam"], None)
        told = doctor.of_deployment(service.host.address, keys)
        queues.create_queue("replies-poison")
        queues.get_queue_client("fold-poison").clear_messages()
    codes = {one: [found["code"] for found in told[one]["findings"]] for one in keys}
    assert codes == {"contoso": ["queueMissing", "poisoned"], "fabrikam": ["queueMissing"]}
    assert doctor.tell(told) == 1
    assert capsys.readouterr().out.count("There is no queue replies-poison.") == 1


@pytest.mark.processes
def test_an_app_whose_settings_cannot_be_used_is_said_to_fail(
    service: RunningService, tmp_path: Path
) -> None:
    environ = service.deployment.environ | {"SIGNING_KEYS": "k1:too-short"}
    host = RunningHost(tmp_path, environ, app="function_app:app")
    try:
        told = doctor.of_deployment(host.address, doctor.keys_of(["contoso"], None))
    finally:
        host.end()
    assert [found["code"] for found in told["contoso"]["findings"]] == ["appFails"]


@pytest.mark.processes
def test_nobody_else_is_told_how_an_organization_fares(service: RunningService) -> None:
    assert service.call("GET", "health", key=None).status_code == 401
    assert service.call("GET", "health", key=service.new_key("read")).status_code == 403
    assert service.call("GET", "health", key="local-fabrikam").status_code == 404
    assert service.call("GET", "health?mailbox=x").status_code == 422
    with pytest.raises(Stop, match="scope admin"):
        doctor.of_deployment(service.host.address, {"contoso": service.new_key("read")})


@pytest.mark.processes
def test_settings_have_values_before_anybody_sets_them(service: RunningService) -> None:
    path = "/api/orgs/fabrikam/settings"
    assert service.call("GET", path, key="local-fabrikam").json() == START


@pytest.mark.processes
def test_only_what_is_named_changes_and_only_for_that_organization(
    service: RunningService,
) -> None:
    assert change(service, {"recipientLimit": 5}).json() == START | {"recipientLimit": 5}
    mailboxes = ["Ana@Contoso.com", "ana@contoso.com", "sales@contoso.com"]
    changed = change(service, {"sendingMailboxes": mailboxes, "language": "pt-BR"}).json()
    assert changed == START | {
        "recipientLimit": 5,
        "sendingMailboxes": ["ana@contoso.com", "sales@contoso.com"],
        "language": "pt-BR",
    }
    assert service.call("GET", "settings").json() == changed
    path = "/api/orgs/fabrikam/settings"
    assert service.call("GET", path, key="local-fabrikam").json() == START
    assert change(service, START).json() == START


@pytest.mark.processes
def test_the_language_of_the_organization_is_for_callers_who_name_none(
    service: RunningService,
) -> None:
    change(service, {"language": "es"})
    nobody = {"to": [{"address": "nobody@example.com"}]}
    answer = service.call("POST", "follow-check", nobody, headers={"accept-language": ""})
    assert answer.json()["reasons"][0]["message"].startswith("No tenemos")
    answer = service.call("POST", "follow-check", nobody, headers={"accept-language": "en"})
    assert answer.json()["reasons"][0]["message"].startswith("We have no record")
    change(service, START)


@pytest.mark.processes
def test_the_recipient_limit_is_the_organizations_f2(service: RunningService) -> None:
    two = {"to": [{"address": f"p{n}@example.com", "record": {"type": "contact", "id": f"{n}"}}
                  for n in range(2)]}  # fmt: skip
    assert service.call("POST", "follow-check", two).json()["followed"] is True
    change(service, {"recipientLimit": 1})
    checked = service.call("POST", "follow-check", two).json()
    assert [reason["code"] for reason in checked["reasons"]] == ["bulk"]
    assert "1 " in checked["reasons"][0]["message"]
    change(service, START)


MISTAKES: list[tuple[Any, str]] = [
    ({"color": 1}, "/color"),
    ({"recipient_limit": 5}, "/recipient_limit"),
    ({"engagement": "off"}, "/engagement"),
    ({"engagement": 0}, "/engagement"),
    ({"engagement": None}, "/engagement"),
    ({"attachmentLimitMb": 0}, "/attachmentLimitMb"),
    ({"attachmentLimitMb": 151}, "/attachmentLimitMb"),
    ({"fileDrive": "../me"}, "/fileDrive"),
    ({"fileLinkDays": 0}, "/fileLinkDays"),
    ({"recipientLimit": 0}, "/recipientLimit"),
    ({"recipientLimit": 501}, "/recipientLimit"),
    ({"recipientLimit": "5"}, "/recipientLimit"),
    ({"recipientLimit": 5.5}, "/recipientLimit"),
    ({"recipientLimit": True}, "/recipientLimit"),
    ({"recipientLimit": 10**30}, "/recipientLimit"),
    ({"ipHandling": "hashed"}, "/ipHandling"),
    ({"ownNetworks": "192.0.2.0/24"}, "/ownNetworks"),
    ({"ownNetworks": ["192.0.2.0/24", "office"]}, "/ownNetworks/1"),
    ({"ownNetworks": ["192.0.2.0/33"]}, "/ownNetworks/0"),
    ({"ownNetworks": ["0.0.0.0/0"]}, "/ownNetworks/0"),
    ({"ownNetworks": [f"192.0.2.{n}" for n in range(201)]}, "/ownNetworks"),
    ({"sendingMailboxes": "ana@contoso.com"}, "/sendingMailboxes"),
    ({"sendingMailboxes": ["ana"]}, "/sendingMailboxes/0"),
    ({"sendingMailboxes": [f"a{n}@contoso.com" for n in range(501)]}, "/sendingMailboxes"),
    ({"sendingMailboxes": ["ana@contoso.com", "ana@fabrikam.com"]}, "/sendingMailboxes/1"),
    ({"sendingMailboxes": ["sales@partner.example"]}, "/sendingMailboxes/0"),
    ({"sendingMailboxes": ["ana@mail.contoso.com"]}, "/sendingMailboxes/0"),
    ({"sendingMailboxes": ["ana@notcontoso.com"]}, "/sendingMailboxes/0"),
    ({"language": "pt"}, "/language"),
    ({"language": "de"}, "/language"),
    ({"collecting": []}, "/collecting"),
    ({"assistant": "off"}, "/assistant"),
    ({"cards": ["opened"]}, "/cards"),
    ({"cards": {"opened": 1}}, "/cards/opened"),
    ({"cards": {"closed": True}}, "/cards/closed"),
]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "pointer"), MISTAKES, ids=[str(body)[:40] for body, _ in MISTAKES]
)
def test_a_mistake_is_pointed_at_and_nothing_changes(
    service: RunningService, body: Any, pointer: str
) -> None:
    answer = change(service, {"language": "es", **body})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert service.call("GET", "settings").json() == START


@pytest.mark.processes
def test_a_change_of_nothing_is_refused(service: RunningService) -> None:
    assert change(service, {}).status_code == 422
    assert change(service, None, content=b"").status_code == 400
    assert service.call("GET", "settings?x=1").status_code == 422
    assert service.call("PUT", "settings", START).status_code == 404


@pytest.mark.processes
def test_as_many_mailboxes_as_are_allowed_can_be_kept(service: RunningService) -> None:
    mailboxes = [f"{n:03d}{'x' * 61}@contoso.com" for n in range(500)]
    answer = change(service, {"sendingMailboxes": mailboxes})
    assert answer.status_code == 200, answer.text
    assert service.call("GET", "settings").json()["sendingMailboxes"] == mailboxes
    more = [f"{n:03d}{'x' * 60}@{'y' * 40}.contoso.com" for n in range(500)]
    answer = change(service, {"sendingMailboxes": more})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/sendingMailboxes"
    change(service, START)


@pytest.mark.processes
def test_every_mailbox_of_another_domain_is_pointed_at_a1(service: RunningService) -> None:
    mailboxes = ["ana@fabrikam.com", "Ana@CONTOSO.com", "ana@contoso.com.example", "bo@contoso.com"]
    answer = change(service, {"sendingMailboxes": mailboxes})
    assert answer.status_code == 422
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers == ["/sendingMailboxes/0", "/sendingMailboxes/2"]
    assert service.call("GET", "settings").json() == START


async def test_a_foreign_mailbox_that_is_listed_all_the_same_lets_nobody_send_a1(
    contoso: Organization,
) -> None:
    """Listed before the rule was there, or while the organization had another domain."""
    listed = ("ana@fabrikam.com", "bo@contoso.com")
    await contoso.change_settings(lambda before: replace(before, sending_mailboxes=listed))
    settings = await contoso.settings()
    mailboxes = ("ana@fabrikam.com", "Ana@Fabrikam.COM", "ana@contoso.com", "BO@contoso.com")
    allowed = [mailbox for mailbox in mailboxes if contoso.may_send_from(mailbox, settings)]
    assert allowed == ["BO@contoso.com"]


async def test_each_switch_of_engagement_begins_or_ends_an_interval_f6(
    contoso: Organization, clock: MovableClock
) -> None:
    async def switch(on: bool) -> datetime:
        now = clock.move(hours=1)
        await contoso.change_settings(lambda before: before.with_engagement(on, now))
        return now

    times = [await switch(on) for on in (False, True, True, False, True)]
    settings = await contoso.settings()
    off, on, _, off_again, on_again = times
    assert settings.engagement is True
    moment = timedelta(milliseconds=1)
    for instant, collected in {
        off - timedelta(days=9_999): True,
        off - moment: True,
        off: False,
        on - moment: False,
        on: True,
        off_again - moment: True,
        off_again: False,
        on_again - moment: False,
        on_again: True,
        on_again + timedelta(days=9_999): True,
    }.items():
        assert settings.collected_at(instant) is collected, instant


async def test_changes_that_come_at_once_are_all_kept(contoso: Organization) -> None:
    names = [f"seller{n}@contoso.com" for n in range(12)]

    async def add(name: str) -> None:
        await contoso.change_settings(
            lambda s: replace(s, sending_mailboxes=(*s.sending_mailboxes, name))
        )

    await asyncio.gather(*map(add, names))
    assert sorted((await contoso.settings()).sending_mailboxes) == sorted(names)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), max_size=12), st.integers(-50, 900))
def test_what_is_collected_is_what_happened_while_it_was_on_f6(
    switches: list[tuple[bool, int]], minute: int
) -> None:
    settings, now = OrganizationSettings(), 0
    history = [(-10_000, True)]
    for on, after in switches:
        now += after
        settings = settings.with_engagement(on, NOON + timedelta(minutes=now))
        history.append((now, on))
    was_on = next(on for since, on in reversed(history) if since <= minute)
    assert settings.collected_at(NOON + timedelta(minutes=minute)) is was_on
    assert settings.engagement is history[-1][1]
