"""Who may visit, how they get in, and what they see where they may not (rules A1, A3)."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import httpx
import pytest

from shared.access.callers import visitor_of
from shared.messages.feeds import TABLE as FEEDS
from shared.organizations import Organization, Organizations
from shared.pages.addresses import sign_in_address
from shared.pages.answers import answering_pages
from tests.local.host.running_host import RunningHost
from tests.pages.site import HOSTILE, Page, Site, Told, Visitor

LIST = "/orgs/contoso/messages"


@pytest.mark.parametrize("path", ["/", "/orgs/contoso", LIST, f"{LIST}/{'0' * 32}"])
def test_a_stranger_is_led_to_the_sign_in_and_back(site: Site, path: str) -> None:
    answer = site.visitor(None).asks(path)
    assert answer.status_code == 302
    way = urlsplit(answer.headers["location"])
    assert (way.netloc, way.path) == ("", "/.auth/login/aad")
    assert parse_qs(way.query) == {"post_login_redirect_uri": [path]}


def test_the_way_back_keeps_what_was_chosen(site: Site) -> None:
    stranger = site.visitor(None)
    site.tell(Told("Spring & autumn"))
    asked_for = f"{LIST}?search=%26+autumn&period=all"

    to_sign_in = stranger.asks(asked_for).headers["location"]
    signed_in = stranger.client.post(to_sign_in, data={"person": "ana@contoso.com"})

    assert signed_in.headers["location"] == asked_for
    assert stranger.sees(asked_for).column("subject") == ["Spring & autumn"]


@pytest.mark.parametrize("path", ["/", "/orgs/contoso", "/orgs/Contoso/"])
def test_the_short_addresses_lead_to_the_messages(ana: Visitor, path: str) -> None:
    answer = ana.asks(path)
    assert (answer.status_code, answer.headers["location"]) == (302, LIST)


def test_a_key_opens_no_page(site: Site) -> None:
    stranger = site.visitor(None)
    assert stranger.asks(LIST, **{"x-api-key": "local-contoso"}).status_code == 302
    assert stranger.asks(LIST, authorization="Bearer local-contoso").status_code == 302


def test_nobody_signs_in_by_sending_the_platforms_header(site: Site) -> None:
    forged = "eyJjbGFpbXMiOltdfQ=="
    assert site.visitor(None).asks(LIST, **{"x-ms-client-principal": forged}).status_code == 302


@pytest.mark.parametrize("path", ["/orgs/contoso", LIST, "/orgs/nobody/messages"])
def test_another_organization_is_not_there(site: Site, path: str) -> None:
    answer = site.visitor("ana@fabrikam.com").asks(path)
    assert answer.status_code == 404
    assert Page(answer).texts("h1") == ["There is nothing here"]


@pytest.mark.parametrize("person", ["dora@contoso.com", "eve@elsewhere.example"])
def test_without_a_role_a_page_says_so_in_the_readers_language(site: Site, person: str) -> None:
    answer = site.visitor(person, language="es").asks(LIST)
    assert answer.status_code == 403
    page = Page(answer)
    assert page.texts("h1") == ["Usted no tiene acceso aquí"]
    assert page.address("Cerrar sesión") == "/.auth/logout"


@pytest.mark.parametrize("person", ["ana@contoso.com", "bruno@contoso.com", "carla@contoso.com"])
def test_every_role_reads_the_pages_under_its_own_name(site: Site, person: str) -> None:
    page = site.visitor(person).sees(LIST)
    assert page.texts(".home") == ["Contoso"]
    assert page.texts(".who bdi")[0].lower() == person.partition("@")[0]
    assert page.address("Sign out") == "/.auth/logout"


def test_a_hostile_name_is_only_text(site: Site) -> None:
    page = site.visitor("mallory@contoso.com").sees(LIST)
    assert page.texts(".who bdi") == [" ".join(HOSTILE.split())]
    assert not page.html.select("body script, img, [onerror]")


def test_after_signing_out_the_pages_are_closed(ana: Visitor) -> None:
    assert ana.asks(LIST).status_code == 200
    ana.asks("/.auth/logout")
    assert ana.asks(LIST).status_code == 302


def test_pages_run_one_script_of_ours_load_nothing_foreign_and_are_not_kept(
    ana: Visitor,
) -> None:
    """It tells the browser's time zone; pages without times, and those of whoever chose a zone,
    have none."""
    for answer in (ana.asks(LIST), ana.asks("/orgs/fabrikam"), ana.asks(f"{LIST}/x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        scripts = re.findall("<script>(.*?)</script>", answer.text, re.DOTALL)
        assert len(scripts) == (1 if answer.status_code == 200 else 0)
        digests = [b64encode(sha256(one.encode()).digest()).decode() for one in scripts]
        allowed = re.findall("script-src 'sha256-([^']*)';", policy)
        assert allowed == digests and policy.count("script-src") == len(digests)
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"].startswith("text/html")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<script ", answer.text)


def test_only_get_is_served(ana: Visitor) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ana.client.request(method, LIST).status_code == 404


def test_the_icon_is_there_for_everybody(site: Site) -> None:
    answer = site.visitor(None).asks("/favicon.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


async def _break(organization: Organization) -> None:
    row = {"PartitionKey": "all", "RowKey": "0", "schema": 1, "kpis": "not JSON"}
    await organization.tables.upsert(FEEDS, row)


def test_what_breaks_is_a_page_with_an_incident_and_no_details(site: Site, ana: Visitor) -> None:
    site.with_organization("contoso", _break)
    answer = ana.asks(LIST)
    assert answer.status_code == 500
    page = Page(answer)
    assert page.texts("h1") == ["Something went wrong on our side"]
    assert re.fullmatch(r"[0-9a-f]{32}", page.texts("code")[0])
    assert "Error" not in page.text and "Traceback" not in page.text


async def test_somebody_of_whom_the_platform_says_nothing_is_not_sent_in_circles() -> None:
    headers = {"x-ms-client-principal": "bm90aGluZw=="}
    asked = func.HttpRequest("GET", f"https://localhost{LIST}", headers=headers, body=b"")

    @answering_pages
    async def visited(req: func.HttpRequest) -> func.HttpResponse:
        visitor_of(req, Organizations({}, {}), people_sign_in=True)
        raise AssertionError("a page was shown")

    answer = await visited(asked)

    assert answer.status_code == 403
    assert "You have no access here" in answer.get_body().decode()


@pytest.mark.parametrize("asked_for", ["https://us.example//evil.example/x", "//us//evil.example"])
def test_the_way_back_from_the_sign_in_stays_here(asked_for: str) -> None:
    way_back = parse_qs(urlsplit(sign_in_address(asked_for)).query)["post_login_redirect_uri"]
    assert not way_back[0].startswith("//")


@pytest.fixture
def storage_away(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a host whose storage does not answer."""
    organizations = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", environment["ORGANIZATIONS"])
    return environment | {"ORGANIZATIONS": organizations, "JOURNAL_DIR": str(tmp_path)}


def test_with_storage_away_a_page_says_so_and_offers_to_try_again(
    storage_away: dict[str, str], tmp_path: Path
) -> None:
    answer = _asks_a_host_of_its_own(storage_away, tmp_path)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    page = Page(answer)
    assert page.texts("h1") == ["Indisponível no momento"]
    assert page.address("Tentar de novo") == f"{LIST}?search=x"


def test_where_signing_in_is_not_set_up_a_page_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    answer = _asks_a_host_of_its_own(environment | {"WEBSITE_AUTH_ENABLED": "False"}, tmp_path)
    assert answer.status_code == 503
    assert Page(answer).texts("h1") == ["Ainda não é possível entrar"]


def _asks_a_host_of_its_own(environment: dict[str, str], directory: Path) -> httpx.Response:
    host = RunningHost(directory, environment, app="function_app:app")
    try:
        host.client.post("/.auth/login/aad", data={"person": "ana@contoso.com"})
        return host.client.get(f"{LIST}?search=x", headers={"accept-language": "pt-BR"})
    finally:
        host.end()


def test_a_seller_sees_what_is_followed_and_their_own_and_others_see_all_a3(site: Site) -> None:
    carlas = {"seller": "carla@contoso.com", "from_": "carla@contoso.com"}
    own = site.tell(Told("Own", followed=False))
    shared = site.tell(Told("Shared", more=carlas))
    private = site.tell(Told("Private", followed=False, more=carlas))

    for person, seen in (
        ("ana@contoso.com", {own, shared}),
        ("bruno@contoso.com", {own, shared, private}),
        ("carla@contoso.com", {own, shared, private}),
    ):
        visitor = site.visitor(person)
        for chosen in ({}, {"sort": "subject"}, {"search": "r"}, {"period": "all"}):
            page = visitor.sees_messages(followed="all", **chosen)
            subjects = " ".join(page.column("subject"))
            assert ("Private" in subjects) is (private in seen), (person, chosen)
            assert "Shared" in subjects
        for message in (own, shared, private):
            answer = visitor.asks(f"{LIST}/{message}")
            assert answer.status_code == (200 if message in seen else 404), person
            assert ("Private" in answer.text) is (message == private and message in seen)
