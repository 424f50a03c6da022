"""People who signed in: whose word is trusted, what each role may do (A1, A3)."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import azure.functions as func
import httpx
import pytest

from shared.access.callers import caller_of
from shared.access.keys import Keyring
from shared.access.people import HEADER, Person, person_of
from shared.errors import Refusal
from shared.organizations import Organizations
from shared.settings import Settings
from tests.web.running_service import RunningService

CONTOSO = "11111111-1111-1111-1111-111111111111"
MESSAGE: dict[str, Any] = {
    "from": "ana@contoso.com",
    "to": [{"address": "li@example.com"}],
    "subject": "Offer",
    "html": "<p>Hello</p>",
}


def principal(*claims: tuple[str, str]) -> str:
    value = {"auth_typ": "aad", "claims": [{"typ": typ, "val": val} for typ, val in claims]}
    return base64.b64encode(json.dumps(value).encode()).decode()


WHO = (("tid", CONTOSO), ("preferred_username", "Ana@Contoso.com"), ("name", "Ana Lima"))
SCHEMAS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
ENTRA = "http://schemas.microsoft.com/identity/claims"


def test_the_platforms_header_says_who_it_is() -> None:
    header = principal(*WHO, ("roles", "seller"), ("roles", "manager"), ("roles", "janitor"))
    assert person_of({HEADER: header}) == Person(
        CONTOSO, "ana@contoso.com", "Ana Lima", frozenset({"seller", "manager", "janitor"})
    )


def test_claims_are_known_by_their_long_names_too() -> None:
    header = principal(
        (f"{ENTRA}/tenantid", CONTOSO),
        (f"{SCHEMAS}/emailaddress", "ana@contoso.com"),
        ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "seller"),
    )
    assert person_of({HEADER: header}) == Person(
        CONTOSO, "ana@contoso.com", "ana@contoso.com", frozenset({"seller"})
    )


@pytest.mark.parametrize(
    ("roles", "scopes"),
    [
        (["seller"], {"send", "read"}),
        (["manager"], {"read"}),
        (["administrator"], {"send", "read", "admin"}),
        (["seller", "manager"], {"send", "read"}),
        (["Administrator", "admin", ""], set()),
        ([], set()),
    ],
)
def test_roles_give_scopes_a3(roles: list[str], scopes: set[str]) -> None:
    assert Person(CONTOSO, "a@contoso.com", "A", frozenset(roles)).scopes == scopes


@pytest.mark.parametrize(
    "header",
    [
        "",
        "not base64!",
        base64.b64encode(b"not json").decode(),
        base64.b64encode(b"\xff\xfe").decode(),
        *(
            base64.b64encode(json.dumps(value).encode()).decode()
            for value in list[Any]((
                None, [], {}, {"claims": None}, {"claims": {}}, {"claims": "x"}, {"claims": [1]},
                {"claims": [{}]}, {"claims": [{"typ": "tid"}]}, {"claims": [{"typ": [], "val": 1}]},
            ))
        ),
        principal(("tid", CONTOSO)),
        principal(("preferred_username", "ana@contoso.com")),
        principal(("tid", ""), ("preferred_username", "ana@contoso.com")),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_read_is_nobody(header: str) -> None:
    assert person_of({HEADER: header}) is None


pages = pytest.mark.processes


def as_person(
    service: RunningService, cookie: str, method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    """A request of a person's browser; a script of our own pages unless told otherwise."""
    sent = {"cookie": cookie, "sec-fetch-site": "same-origin"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return service.call(method, path, body, key=None, headers=sent)


@pytest.fixture(scope="module")
def ana(service: RunningService) -> str:
    return service.sign_in("ana@contoso.com")


@pytest.fixture(scope="module")
def bruno(service: RunningService) -> str:
    return service.sign_in("bruno@contoso.com")


@pytest.fixture(scope="module")
def carla(service: RunningService) -> str:
    return service.sign_in("carla@contoso.com")


@pages
def test_a_seller_reads_and_sends_but_administers_nothing_a3(
    service: RunningService, ana: str
) -> None:
    assert as_person(service, ana, "GET", "messages").status_code == 200
    assert as_person(service, ana, "POST", "messages", MESSAGE).status_code == 202
    refused = as_person(service, ana, "PATCH", "settings", {"language": "en"})
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]


@pages
def test_a_manager_reads_and_sends_nothing_a3(service: RunningService, bruno: str) -> None:
    assert as_person(service, bruno, "GET", "messages").status_code == 200
    body = MESSAGE | {"from": "bruno@contoso.com"}
    assert as_person(service, bruno, "POST", "messages", body).status_code == 403


@pages
@pytest.mark.parametrize(
    "change",
    [
        {"from": "bruno@contoso.com"},
        {"from": "bruno@contoso.com", "seller": "ana@contoso.com"},
        {"seller": "bruno@contoso.com"},
    ],
    ids=str,
)
def test_a_seller_sends_in_no_other_name_a3(
    service: RunningService, ana: str, change: dict[str, str]
) -> None:
    refused = as_person(service, ana, "POST", "messages", MESSAGE | change)
    assert refused.status_code == 403
    assert "ana@contoso.com" in refused.json()["detail"]


@pages
def test_a_seller_sends_from_the_own_mailbox_however_it_is_written_a3(
    service: RunningService, ana: str
) -> None:
    body = MESSAGE | {"from": "ANA@Contoso.com", "seller": "Ana@contoso.com"}
    assert as_person(service, ana, "POST", "messages", body).status_code == 202


@pages
def test_an_administrator_sends_for_others_and_changes_settings_a3(
    service: RunningService, carla: str
) -> None:
    assert as_person(service, carla, "POST", "messages", MESSAGE).status_code == 202
    assert as_person(service, carla, "PATCH", "settings", {"language": "en"}).status_code == 200


@pages
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "messages", MESSAGE), ("PATCH", "settings", {"engagement": False}),
     ("PUT", "records/contact/c-1", {}), ("POST", "follow-check", {})],
)  # fmt: skip
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": "http://localhost"},
    ],
    ids=str,
)
def test_no_other_site_changes_anything_in_a_persons_name(
    service: RunningService,
    carla: str,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
) -> None:
    before = service.call("GET", "settings").json()
    answer = as_person(service, carla, method, path, body, **headers)
    assert answer.status_code == 403
    assert service.call("GET", "settings").json() == before


@pages
@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 403), ("https://evil.example", 403), ("null", 403), ("http://localhost:1", 403),
     ("own", 200)],
)  # fmt: skip
def test_browsers_without_fetch_metadata_are_known_by_their_origin(
    service: RunningService, carla: str, origin: str | None, status: int
) -> None:
    headers = {"cookie": carla}
    if origin is not None:
        headers["origin"] = service.host.address if origin == "own" else origin
    answer = service.call("PATCH", "settings", {"language": "en"}, key=None, headers=headers)
    assert answer.status_code == status


@pages
def test_reading_is_allowed_from_anywhere_since_browsers_keep_the_answer(
    service: RunningService, ana: str
) -> None:
    answer = as_person(service, ana, "GET", "messages", sec_fetch_site="cross-site")
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pages
@pytest.mark.parametrize("path", ["messages", "settings", "records/contact/c-1"])
def test_another_organization_is_not_there_a1(
    service: RunningService, carla: str, path: str
) -> None:
    theirs = as_person(service, carla, "GET", f"/api/orgs/fabrikam/{path}")
    nobodys = as_person(service, carla, "GET", f"/api/orgs/nobody/{path}")
    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


@pages
def test_a_header_of_ones_own_making_signs_nobody_in(service: RunningService) -> None:
    header = principal(*WHO, ("roles", "administrator"))
    answer = service.call("GET", "settings", key=None, headers={HEADER: header})
    assert answer.status_code == 401


@pages
def test_a_key_counts_before_the_cookie_beside_it(service: RunningService, carla: str) -> None:
    reader = service.new_key("read")
    headers = {"cookie": carla, "sec-fetch-site": "same-origin"}
    answer = service.call("PATCH", "settings", {"language": "en"}, key=reader, headers=headers)
    assert answer.status_code == 403
    assert service.call("GET", "settings", key="local-nobody", headers=headers).status_code == 401


@pytest.mark.parametrize("trusted", [True, False])
async def test_without_the_platforms_authentication_its_header_is_anybodys_word(
    organizations: Organizations, trusted: bool
) -> None:
    request = func.HttpRequest(
        "GET",
        "http://localhost/api/orgs/contoso/settings",
        headers={HEADER: principal(*WHO, ("roles", "administrator"))},
        route_params={"org": "contoso"},
        body=b"",
    )
    asked = caller_of(request, organizations, Keyring(lambda: 0.0), people_sign_in=trusted)
    if trusted:
        assert (await asked).scopes == {"send", "read", "admin"}
        return
    with pytest.raises(Refusal) as refusal:
        await asked
    assert refusal.value.status == 401


@pytest.mark.parametrize("tenant", ["", "33333333-3333-3333-3333-333333333333"])
async def test_a_person_of_a_tenant_that_is_no_organizations_has_no_role_here(
    organizations: Organizations, tenant: str
) -> None:
    who = (("tid", tenant), *WHO[1:], ("roles", "administrator"))
    request = func.HttpRequest(
        "GET",
        "http://localhost/api/orgs/contoso/settings",
        headers={HEADER: principal(*who)},
        route_params={"org": "contoso"},
        body=b"",
    )
    with pytest.raises(Refusal) as refusal:
        await caller_of(request, organizations, Keyring(lambda: 0.0), people_sign_in=True)
    assert refusal.value.status == (403 if tenant else 401)


@pytest.fixture
async def of_one_tenant(settings: Settings) -> AsyncIterator[Organizations]:
    """Contoso and Fabrikam in the same Entra tenant; both have the domain group.example."""
    entries = {
        id_: replace(entry, tenant=CONTOSO, domains=(*entry.domains, "group.example"))
        for id_, entry in settings.organizations.items()
    }
    made = Organizations(entries, settings.local_storage_keys)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("address", "at_contoso", "at_fabrikam"),
    [
        ("ana@contoso.com", 200, 404),
        ("ANA@Fabrikam.com", 404, 200),
        ("ana@group.example", 403, 403),
        ("ana@elsewhere.example", 403, 403),
        ("ana@mail.contoso.com", 403, 403),
        ("ana", 403, 403),
    ],
)
@pytest.mark.parametrize("tenant", [CONTOSO, CONTOSO.upper()])
async def test_of_two_organizations_in_one_tenant_a_person_belongs_to_that_of_their_address_a1(
    of_one_tenant: Organizations, tenant: str, address: str, at_contoso: int, at_fabrikam: int
) -> None:
    """And to none where both have the address's domain, or neither has."""
    who = (("tid", tenant), ("preferred_username", address), ("roles", "administrator"))
    for organization, status in (("contoso", at_contoso), ("fabrikam", at_fabrikam)):
        asked = func.HttpRequest(
            "GET",
            f"http://localhost/api/orgs/{organization}/settings",
            headers={HEADER: principal(*who)},
            route_params={"org": organization},
            body=b"",
        )
        calling = caller_of(asked, of_one_tenant, Keyring(lambda: 0.0), people_sign_in=True)
        if status == 200:
            assert (await calling).organization.id == organization
            continue
        with pytest.raises(Refusal) as refused:
            await calling
        assert refused.value.status == status
