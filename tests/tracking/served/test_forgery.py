"""Forged, cut and altered addresses, through a real host: they never redirect, never record and
never end in an error of ours (rules T1, T4, A1)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.organizations import Organization
from shared.tracking.tokens import Kind, Signer, Target
from tests.running_storage import MovableClock
from tests.tracking.followed_messages import followed_message
from tests.tracking.served.service import GIF, SIGNER, Service, token_of

pytestmark = pytest.mark.processes

OFFER = "https://example.com/offer"
OTHER = "https://example.com/other"
EVIL = "https://evil.example/"
BY_CHANCE = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
async def message(contoso: Organization, clock: MovableClock) -> str:
    return await followed_message(contoso, clock(), links=[OFFER, OTHER])


def assert_refused(answer: httpx.Response) -> None:
    """No redirect, no error of ours, and nothing of what was sent comes back."""
    assert answer.status_code in (400, 404, 414), (answer.request.url, answer.status_code)
    assert "location" not in answer.headers
    assert "evil" not in answer.text


def assert_gif(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (200, GIF), answer.request.url


def at_the_redirect(service: Service, token: str, destination: str = OFFER) -> httpx.Response:
    return service.get(f"/r/{quote(token, safe='')}?u={quote(destination, safe='')}")


def at_the_pixel(service: Service, token: str) -> httpx.Response:
    return service.get(f"/o/{quote(token, safe='')}.gif")


def raw(token: str) -> bytearray:
    return bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))


def spelled(token: bytes | bytearray) -> str:
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def altered(token: str) -> Iterator[str]:
    """The token with every byte altered, every cut, and something put to its ends."""
    for place in range(len(raw(token))):
        changed = raw(token)
        changed[place] ^= 0x55
        yield spelled(changed)
    yield from (token[:place] for place in range(1, len(token)))
    yield from (token[place:] for place in range(1, len(token), 7))
    yield from (f"{token}=", f"{token}A", f"A{token}", f"{token}{token}", token.swapcase())


async def test_no_altered_redirect_redirects_or_records_t4(
    service: Service, contoso: Organization, message: str
) -> None:
    token = token_of(service.redirect("contoso", message, OFFER))
    for forged in altered(token):
        assert_refused(at_the_redirect(service, forged))
    await service.assert_nothing_recorded(contoso, message)


async def test_no_altered_pixel_records_and_all_get_the_gif_t1(
    service: Service, contoso: Organization, message: str
) -> None:
    token = token_of(service.pixel("contoso", message))
    for forged in altered(token):
        assert_gif(at_the_pixel(service, forged))
    await service.assert_nothing_recorded(contoso, message)


async def test_tokens_swapped_between_kinds_links_messages_and_organizations_do_nothing_a1(
    service: Service,
    contoso: Organization,
    fabrikam: Organization,
    message: str,
    clock: MovableClock,
) -> None:
    second = await followed_message(contoso, clock(), links=[OFFER])
    foreign = await followed_message(fabrikam, clock(), links=[OTHER])
    links = {
        destination: token_of(service.redirect(organization, id_, destination, index=index))
        for organization, id_, index, destination in (
            ("contoso", message, 0, OFFER),
            ("contoso", message, 1, OTHER),
            ("contoso", second, 0, f"{OFFER}/second"),
            ("fabrikam", foreign, 0, f"{OTHER}/foreign"),
        )
    }
    for own, token in links.items():
        assert_gif(at_the_pixel(service, token))
        for other, other_token in links.items():
            if other != own:
                assert_refused(at_the_redirect(service, token, other))
                for cut in (16, 32):
                    # The payload of one with the signatures of the other, and only one of them.
                    stolen = spelled(raw(token)[:-cut] + raw(other_token)[-cut:])
                    assert_refused(at_the_redirect(service, stolen, other))
                    assert_refused(at_the_redirect(service, stolen, EVIL))
    for kind in (Kind.OPEN, Kind.ATTACHMENT, Kind.IMAGE):
        token = SIGNER.token(kind, Target("contoso", message))
        assert_refused(at_the_redirect(service, token))
        if kind is not Kind.OPEN:
            assert_gif(at_the_pixel(service, token))
    await service.assert_nothing_recorded(contoso, message)
    await service.assert_nothing_recorded(contoso, second)
    await service.assert_nothing_recorded(fabrikam, foreign)


async def test_what_strangers_sign_does_nothing_t4(
    service: Service, contoso: Organization, message: str
) -> None:
    for key_id in ("k1", "k2", "k9", ""):
        stranger = Signer({key_id: b"a stranger's key".ljust(32)})
        assert_refused(service.get(service.redirect("contoso", message, EVIL, signer=stranger)))
        assert_gif(service.get(service.pixel("contoso", message, signer=stranger)))
    await service.assert_nothing_recorded(contoso, message)


@pytest.mark.parametrize("cut", [1, 7, 20])
async def test_a_destination_that_was_cut_or_replaced_never_redirects_t4(
    service: Service, contoso: Organization, message: str, cut: int
) -> None:
    path = service.redirect("contoso", message, OFFER)
    assert_refused(service.get(path[:-cut]))
    assert_refused(at_the_redirect(service, token_of(path), OFFER[:-cut] + EVIL))


@BY_CHANCE
@given(st.text(max_size=400), st.text(max_size=400))
def test_whatever_strangers_write_into_an_address_is_refused_t4(
    service: Service, token: str, destination: str
) -> None:
    """The routes have one part; what holds a slash or is empty is somebody else's address."""
    assert_refused(at_the_redirect(service, token, f"{EVIL}{destination}"))
    answer = at_the_pixel(service, token)
    assert answer.status_code in (200, 400, 404)
    assert answer.content == GIF or answer.status_code != 200


@BY_CHANCE
@given(st.binary(max_size=120), st.integers(0, 255), st.integers(0, 255))
def test_whatever_bytes_a_token_is_made_of_it_is_refused_t4(
    service: Service, content: bytes, version: int, kind: int
) -> None:
    for token in (bytes((version, kind)) + content, b"\1\2\2k1\7contoso" + content):
        assert_refused(at_the_redirect(service, spelled(token), EVIL))
        assert_gif(at_the_pixel(service, spelled(token)))


@pytest.mark.parametrize("length", [301, 2000, 3900, 5000, 20_000])
def test_an_address_of_any_length_is_refused_or_shown_the_gif_t4(
    service: Service, length: int
) -> None:
    """Longer than 4 KB the platform itself says no."""
    assert_refused(at_the_redirect(service, "A" * length, EVIL))
    answer = at_the_pixel(service, "A" * length)
    assert answer.status_code in (200, 414)
    if length < 4000:
        assert_gif(answer)
