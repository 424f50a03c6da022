"""People sign in as with App Service authentication; nobody can pretend to be signed in."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.host.sign_in import SignIn, local_path, read_people
from tests.local.host.conftest import PEOPLE
from tests.local.host.running_host import RunningHost

LOGIN = "/.auth/login/aad"


@pytest.fixture
def browser(host: RunningHost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://localhost:{host.port}") as client:
        yield client


def sign_in(browser: httpx.Client, address: str, where: str = "/people/me") -> httpx.Response:
    answer = browser.post(
        LOGIN, params={"post_login_redirect_uri": where}, data={"person": address}
    )
    assert answer.status_code == 302
    return answer


def told_headers(browser: httpx.Client, **headers: str) -> dict[str, str]:
    told: dict[str, str] = browser.get("/echo/x", headers=headers).json()["headers"]
    return told


def test_the_page_offers_the_demo_people(browser: httpx.Client) -> None:
    page = browser.get(LOGIN, params={"post_login_redirect_uri": "/messages?a=1&b=2"})
    assert page.status_code == 200
    assert 'value="ana@contoso.com"' in page.text
    assert "Bruno &lt;b&gt; &amp; Söhne" in page.text
    assert (
        'action="/.auth/login/aad?post_login_redirect_uri=%2Fmessages%3Fa%3D1%26b%3D2"' in page.text
    )
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_who_signs_in_arrives_where_they_wanted_to_go(browser: httpx.Client) -> None:
    answer = sign_in(browser, "ana@contoso.com", "/messages?a=1&b=x y#top")
    assert answer.headers["location"] == "/messages?a=1&b=x%20y#top"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_app_is_told_who_it_is_as_the_platform_tells_it(browser: httpx.Client) -> None:
    sign_in(browser, "bruno@contoso.com")
    headers = told_headers(browser)
    assert headers["x-ms-client-principal-name"] == "bruno@contoso.com"
    assert headers["x-ms-client-principal-idp"] == "aad"
    principal = json.loads(base64.b64decode(headers["x-ms-client-principal"]))
    assert principal["auth_typ"] == "aad"
    claims: list[tuple[str, str]] = [(claim["typ"], claim["val"]) for claim in principal["claims"]]
    entra = "http://schemas.microsoft.com/identity/claims/"
    assert (f"{entra}tenantid", "11111111-1111-1111-1111-111111111111") in claims
    assert (f"{entra}objectidentifier", headers["x-ms-client-principal-id"]) in claims
    assert ("preferred_username", "bruno@contoso.com") in claims
    assert ("name", "Bruno <b> & Söhne") in claims
    assert [value for kind, value in claims if kind == "roles"] == [
        "seller",
        "manager",
        "administrator",
    ]
    assert (principal["name_typ"], "bruno@contoso.com") in claims


def test_headers_that_only_the_platform_may_set_are_taken_from_clients(
    browser: httpx.Client,
) -> None:
    forged = {
        "X-MS-CLIENT-PRINCIPAL": "eyJ9",
        "X-MS-CLIENT-PRINCIPAL-NAME": "ana@contoso.com",
        "X-MS-TOKEN-AAD-ID-TOKEN": "x",
    }
    assert not [name for name in told_headers(browser, **forged) if name.startswith("x-ms-")]
    sign_in(browser, "ana@contoso.com")
    forged["X-MS-CLIENT-PRINCIPAL-NAME"] = "bruno@contoso.com"
    assert told_headers(browser, **forged)["x-ms-client-principal-name"] == "ana@contoso.com"


def test_me_tells_who_has_signed_in(browser: httpx.Client) -> None:
    assert browser.get("/.auth/me").status_code == 401
    sign_in(browser, "ana@contoso.com")
    told: list[dict[str, Any]] = browser.get("/.auth/me").json()
    assert (told[0]["provider_name"], told[0]["user_id"]) == ("aad", "ana@contoso.com")
    assert {"typ": "name", "val": "Ana Lima"} in told[0]["user_claims"]


def test_signing_out_forgets_the_person(browser: httpx.Client) -> None:
    sign_in(browser, "ana@contoso.com")
    answer = browser.get("/.auth/logout", params={"post_logout_redirect_uri": "/bye"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/bye")
    assert "x-ms-client-principal" not in told_headers(browser)
    assert browser.get("/.auth/logout").headers["location"] == "/.auth/logout/complete"


def test_strangers_and_other_sites_cannot_sign_in(browser: httpx.Client) -> None:
    assert browser.post(LOGIN, data={"person": "eve@evil.example"}).status_code == 400
    other = {"Origin": "https://evil.example"}
    answer = browser.post(LOGIN, data={"person": "ana@contoso.com"}, headers=other)
    assert answer.status_code == 403
    assert browser.get("/.auth/login/google").status_code == 404


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example/",
        "javascript:alert(1)",
        "evil",
        "",
        " /x",
    ],
)
def test_nobody_is_sent_to_another_site(browser: httpx.Client, where: str) -> None:
    assert sign_in(browser, "ana@contoso.com", where).headers["location"] == "/"
    answer = browser.get("/.auth/logout", params={"post_logout_redirect_uri": where})
    assert answer.headers["location"] in ("/", "/.auth/logout/complete")


def test_a_path_with_a_query_is_kept() -> None:
    assert local_path("/a/b?c=https://x.example/#d") == "/a/b?c=https://x.example/#d"


def test_a_cookie_that_was_altered_or_signed_elsewhere_is_nobodys() -> None:
    people = read_people(json.dumps(PEOPLE))
    ours, theirs = SignIn(people, "ours", 7071), SignIn(people, "theirs", 7071)

    def cookie_of(site: SignIn) -> str:
        _, headers, _ = site.answer("POST", LOGIN, {}, {}, b"person=ana%40contoso.com")
        return dict(headers)[b"set-cookie"].decode().partition(";")[0]

    cookie = cookie_of(ours)
    assert ours.headers_of(cookie)
    assert ours.headers_of(f"other=1; {cookie}; more=2")
    assert not ours.headers_of(cookie_of(theirs))
    name, _, value = cookie.partition("=")
    for index in range(len(value)):
        altered = value[:index] + ("A" if value[index] != "A" else "B") + value[index + 1 :]
        assert not ours.headers_of(f"{name}={altered}")
        assert not ours.headers_of(f"{name}={value[:index]}")


def test_a_person_who_is_no_longer_listed_is_a_stranger() -> None:
    people = read_people(json.dumps(PEOPLE))
    _, headers, _ = SignIn(people, "s", 1).answer("POST", LOGIN, {}, {}, b"person=ana@contoso.com")
    cookie = dict(headers)[b"set-cookie"].decode().partition(";")[0]
    assert not SignIn(people[1:], "s", 1).headers_of(cookie)
