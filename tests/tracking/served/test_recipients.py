"""Pixel and redirect as recipients meet them, through a real host (rules T1, T3, T4, A1)."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import httpx
import pytest

from shared.model import IpHandling
from shared.organizations import Organization
from tests.running_storage import MovableClock
from tests.tracking.followed_messages import PROGRAM, followed_message
from tests.tracking.served.service import (
    FABRIKAMS_ADDRESS,
    GIF,
    OLD_SIGNER,
    WITHDRAWN_SIGNER,
    Service,
)

pytestmark = pytest.mark.processes

OFFER = "https://example.com/offer"
SOMEWHERE = "0" * 32


@pytest.fixture
async def message(contoso: Organization, clock: MovableClock) -> str:
    """A message of Contoso with a link to `OFFER`."""
    return await followed_message(contoso, clock(), links=[OFFER])


class _Buttons(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("class") == "button":
            self.addresses.append(values["href"] or "")


def buttons(page: httpx.Response) -> list[str]:
    parser = _Buttons()
    parser.feed(page.text)
    return parser.addresses


def assert_page(answer: httpx.Response, status: int) -> None:
    """A page for people: no redirect, not kept by caches, not framed, no script."""
    assert answer.status_code == status
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def assert_gif(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/gif"
    assert answer.content == GIF


# --- The pixel ----------------------------------------------------------------------------------


async def test_a_pixel_is_a_transparent_gif_that_nobody_keeps_t1(
    service: Service, message: str
) -> None:
    answer = service.get(service.pixel("contoso", message))
    assert_gif(answer)
    assert answer.headers["content-length"] == str(len(GIF))
    assert {"no-store", "no-cache", "private"} <= {
        part.strip() for part in answer.headers["cache-control"].split(",")
    }
    assert "etag" not in answer.headers and "last-modified" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_every_get_of_the_pixel_is_one_open_t1(
    service: Service, contoso: Organization, message: str
) -> None:
    for _ in range(3):
        assert_gif(service.get(service.pixel("contoso", message)))
    events = await service.events(contoso, message, 3)
    assert {(event.kind.value, event.automated) for event in events} == {("open", False)}
    assert {event.client for event in events} == {"Thunderbird"}


@pytest.mark.parametrize("token", ["", "x", "AAAA", "a" * 299, "%C3%A9", "..%2F..", "'", "%"])
def test_a_bad_token_gets_the_gif_all_the_same_t1(service: Service, token: str) -> None:
    assert_gif(service.get(f"/o/{token}.gif"))


def test_a_withdrawn_key_and_a_removed_organization_get_the_gif_all_the_same_t1(
    service: Service,
) -> None:
    assert_gif(service.get(service.pixel("contoso", SOMEWHERE, signer=WITHDRAWN_SIGNER)))
    assert_gif(service.get(service.pixel("adatum", SOMEWHERE)))


async def test_with_its_storage_away_the_gif_comes_and_the_open_is_safe_elsewhere_t1(
    service: Service,
) -> None:
    before = await service.waiting("northwind")
    assert_gif(service.get(service.pixel("northwind", SOMEWHERE)))
    assert len(await service.waiting("northwind") - before) == 1


async def test_other_methods_find_nothing_and_leave_nothing(
    service: Service, contoso: Organization, message: str
) -> None:
    for path in (service.pixel("contoso", message), service.redirect("contoso", message, OFFER)):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = service.client.request(method, path)
            assert answer.status_code == 404
            assert "location" not in answer.headers
    await service.assert_nothing_recorded(contoso, message)


async def test_a_head_request_is_recorded_as_a_machines_t8(
    service: Service, contoso: Organization, message: str
) -> None:
    answer = service.client.head(service.pixel("contoso", message))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/gif"
    assert answer.content == b""
    answer = service.client.head(service.redirect("contoso", message, OFFER))
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)
    events = await service.events(contoso, message, 2)
    assert {event.kind.value for event in events} == {"open", "click"}
    for event in events:
        assert event.automated and "headRequest" in event.reasons


MACHINES = (
    ("Sec-Purpose", "prefetch;prerender"),
    ("Purpose", "prefetch"),
    ("X-Moz", "prefetch"),
    ("X-Purpose", "preview"),
    ("User-Agent", PROGRAM),
    ("User-Agent", ""),
)


async def test_what_no_person_did_is_recorded_as_a_machines_t8(
    service: Service, contoso: Organization, message: str
) -> None:
    for header, value in MACHINES:
        assert_gif(service.get(service.pixel("contoso", message), **{header: value}))
    events = await service.events(contoso, message, len(MACHINES))
    assert all(event.automated and event.reasons for event in events)


async def test_an_agent_of_any_length_and_any_bytes_is_recorded_t8(
    service: Service, contoso: Organization, message: str
) -> None:
    for agent in (b"a" * 6000, bytes(range(0x80, 0x100)) * 4, b"\"\\'<script>"):
        answer = service.client.get(
            service.pixel("contoso", message), headers={b"User-Agent": agent}
        )
        assert_gif(answer)
    assert len(await service.events(contoso, message, 3)) == 3


@pytest.mark.parametrize("handling", ["kept", "dropped"])
async def test_an_address_is_what_the_nearest_proxy_wrote_and_kept_only_where_told_t8(
    service: Service, contoso: Organization, message: str, handling: str
) -> None:
    await contoso.change_settings(lambda one: replace(one, ip_handling=IpHandling(handling)))
    headers = {
        "X-Forwarded-For": "203.0.113.1, 203.0.113.2,198.51.100.7:51000",
        "CF-IPCountry": "BR",
    }
    assert_gif(service.get(service.pixel("contoso", message), **headers))
    (event,) = await service.events(contoso, message, 1)
    assert event.address == ("198.51.100.7" if handling == "kept" else None)
    assert event.country is None, "nobody said that this header comes from the platform"


# --- The redirect -------------------------------------------------------------------------------


async def test_a_redirect_leads_to_the_signed_destination_and_is_a_click_t3(
    service: Service, contoso: Organization, message: str
) -> None:
    answer = service.get(service.redirect("contoso", message, OFFER))
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    events = await service.events(contoso, message, 2)
    click, inferred = sorted(events, key=lambda event: event.kind.value)
    assert (click.kind.value, click.link, click.automated) == ("click", 0, False)
    assert (inferred.kind.value, inferred.inferred) == ("open", True)


@pytest.mark.parametrize(
    "destination",
    [
        "https://example.com/?a=1&b=2&copy=3&u=4#part",
        "https://example.com/%E6%9D%8E?q=%20+%2B;x=%26#%23",
        "https://user:pass@xn--mnchen-3ya.example:8443/a//b/../c",
        "http://example.com/'()*!$,;:@|[]{}~",
        "https://example.com/%0D%0ASet-Cookie:%20a=b",
        "https://example.com/?u=https%3A%2F%2Fother.example%2F%3Fu%3D1",
        "https://example.com/" + "x" * 2000,
    ],
)
def test_a_destination_arrives_as_it_was_signed_t3(service: Service, destination: str) -> None:
    answer = service.get(service.redirect("contoso", SOMEWHERE, destination))
    assert (answer.status_code, answer.headers["location"]) == (302, destination)


def test_what_gateways_append_to_a_redirect_is_ignored_t4(service: Service) -> None:
    path = service.redirect("contoso", SOMEWHERE, OFFER)
    token, _, query = path.partition("?")
    for changed in (f"{path}&utm_source=x", f"{token}?x=1&{query}", f"{path}&", f"{path}#part"):
        answer = service.get(changed)
        assert (answer.status_code, answer.headers["location"]) == (302, OFFER)


async def test_links_sent_with_an_older_key_work_and_count_t4(
    service: Service, contoso: Organization, message: str
) -> None:
    answer = service.get(service.redirect("contoso", message, OFFER, signer=OLD_SIGNER))
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)
    assert len(await service.events(contoso, message, 2)) == 2


async def test_links_of_a_withdrawn_key_say_so_and_count_nothing(
    service: Service, contoso: Organization, message: str
) -> None:
    path = service.redirect("contoso", message, OFFER, signer=WITHDRAWN_SIGNER)
    for answer in (service.get(path), service.get(path.replace("example.com", "evil.example"))):
        assert_page(answer, 410)
    await service.assert_nothing_recorded(contoso, message)


async def test_with_its_storage_away_a_link_leads_on_and_the_click_is_safe_elsewhere_t4(
    service: Service,
) -> None:
    before = await service.waiting("northwind")
    answer = service.get(service.redirect("northwind", SOMEWHERE, OFFER))
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)
    assert len(await service.waiting("northwind") - before) == 1


async def test_links_of_a_removed_organization_lead_on_and_nothing_is_recorded_t4(
    service: Service,
) -> None:
    answer = service.get(service.redirect("adatum", SOMEWHERE, OFFER))
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)
    assert await service.waiting("adatum") == set()


# --- A destination that was mangled on the way ----------------------------------------------------


@pytest.mark.parametrize(
    "arrived",
    ["", "https://evil.example/", OFFER + "x", OFFER.upper(), "javascript:alert(1)", "\u202e", "%"],
)
def test_a_mangled_destination_offers_the_sellers_link_as_a_button_t4(
    service: Service, message: str, arrived: str
) -> None:
    path = service.redirect("contoso", message, OFFER).partition("?")[0]
    page = service.get(f"{path}?u={quote(arrived, safe='')}" if arrived else path)
    assert_page(page, 400)
    assert "evil.example" not in page.text and "alert" not in page.text
    assert OFFER in page.text
    (address,) = buttons(page)
    answer = service.client.get(address)
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)


async def test_the_page_of_a_changed_link_offers_also_the_longest_way_t4(
    service: Service, contoso: Organization, clock: MovableClock
) -> None:
    """The address is shown as far as it helps a person; the button has all of it."""
    longest = OFFER + "?" + "a" * 2_600
    message = await followed_message(contoso, clock(), links=[longest])
    for changed in ("x", "%00", "&u=https://evil.example/"):
        page = service.get(service.redirect("contoso", message, longest) + changed)
        assert_page(page, 400)
        assert OFFER + "?aaaa" in page.text
        (address,) = buttons(page)
        assert page.text.count("a" * 1_000) == address.count("a" * 1_000)
        answer = service.client.get(address)
        assert (answer.status_code, answer.headers["location"]) == (302, longest)


async def test_only_who_follows_the_button_has_clicked_t4(
    service: Service, contoso: Organization, message: str
) -> None:
    page = service.get(service.redirect("contoso", message, OFFER) + "x")
    await service.assert_nothing_recorded(contoso, message)
    service.client.get(*buttons(page))
    events = await service.events(contoso, message, 2)
    assert {event.kind.value for event in events} == {"open", "click"}


async def test_a_link_that_came_twice_in_one_address_is_a_mangled_one_t4(
    service: Service, message: str
) -> None:
    path = service.redirect("contoso", message, OFFER)
    page = service.get(f"{path}&u=https://evil.example/")
    assert_page(page, 400)
    assert len(buttons(page)) == 1


async def test_the_button_of_another_organization_has_its_own_public_address_a1(
    service: Service, fabrikam: Organization, clock: MovableClock
) -> None:
    message = await followed_message(fabrikam, clock(), links=[OFFER])
    page = service.get(service.redirect("fabrikam", message, OFFER) + "x")
    (address,) = buttons(page)
    assert address.startswith(f"{FABRIKAMS_ADDRESS}/r/")
    answer = service.get(address.removeprefix(FABRIKAMS_ADDRESS))
    assert (answer.status_code, answer.headers["location"]) == (302, OFFER)


@pytest.mark.parametrize("organization", ["contoso", "northwind", "adatum"])
def test_a_mangled_link_that_is_not_stored_has_a_page_without_a_button_t4(
    service: Service, organization: str
) -> None:
    """No such message, storage away, organization removed."""
    path = service.redirect(organization, SOMEWHERE, OFFER)
    page = service.get(path.replace("example.com", "evil.example"))
    assert_page(page, 400)
    assert buttons(page) == []
    assert "evil.example" not in page.text


@pytest.mark.parametrize(
    ("accepted", "language"), [("pt-BR,pt;q=0.9", "pt-BR"), ("es", "es"), ("x;;q=<b>", "en")]
)
def test_the_pages_speak_the_recipients_language_k7(
    service: Service, accepted: str, language: str
) -> None:
    for path in (
        "/r/forged?u=x",
        service.redirect("contoso", SOMEWHERE, OFFER, signer=WITHDRAWN_SIGNER),
    ):
        page = service.get(path, **{"Accept-Language": accepted})
        assert f'<html lang="{language}">' in page.text
        assert "<b>" not in page.text


# --- Two organizations --------------------------------------------------------------------------


async def test_hits_go_to_the_organization_of_the_token_whatever_address_they_come_by_a1(
    service: Service, contoso: Organization, fabrikam: Organization, clock: MovableClock
) -> None:
    """And a link of one that names a message of the other writes into neither."""
    message = await followed_message(contoso, clock())
    other = await followed_message(fabrikam, clock())
    for host in ("localhost", urlsplit(FABRIKAMS_ADDRESS).netloc, "evil.example"):
        for organization, id_ in (("contoso", message), ("contoso", other), ("fabrikam", message)):
            assert_gif(service.get(service.pixel(organization, id_), Host=host))
    await service.assert_nothing_recorded(contoso, message, events=3)
    await service.assert_nothing_recorded(fabrikam, other)
