"""Where hits come from, and what is kept of it: nothing that anybody could have written (T8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model import Event, IpHandling
from shared.organizations import Organization
from shared.tracking.hits import client_entry
from shared.tracking.origins import (
    KEY_LIVES,
    NetworkKeys,
    address_of,
    country_of,
    is_among,
    kept_of,
    network_of,
)
from shared.tracking.segments import Segment, read_segments
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn
from tests.tracking.followed_messages import (
    at,
    fold_all,
    followed_message,
    hit,
    read_followed,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_address_is_that_entry_from_the_right() -> None:
    forwarded = "203.0.113.1, 203.0.113.2,192.0.2.7:1"
    assert client_entry(forwarded, 1) == "192.0.2.7:1"
    assert client_entry(forwarded, 2) == " 203.0.113.2"
    assert client_entry(forwarded, 3) == "203.0.113.1"
    assert client_entry(forwarded, 4) is None, "not all of our proxies were there"
    assert client_entry(forwarded, 0) is client_entry(None, 1) is client_entry("", 1) is None


@given(st.text(max_size=300), st.integers(1, 4))
def test_whatever_a_client_writes_there_itself_is_not_its_address(text: str, hops: int) -> None:
    ours = ["192.0.2.7", *("10.0.0.1" for _ in range(hops - 1))]
    assert client_entry(",".join([text, *ours]), hops) == "192.0.2.7"


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:51000", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_entry_may_carry_a_port(entry: str, address: str) -> None:
    assert str(address_of(entry)) == address


@pytest.mark.parametrize(
    "entry", [None, "", "unknown", "192.0.2", "192.0.2.7.8", "[", "a:b", "<b>"]
)
def test_what_is_no_address_is_none(entry: str | None) -> None:
    assert address_of(entry) is None


@given(st.text(max_size=70))
def test_whatever_is_written_there_is_an_address_or_none(entry: str) -> None:
    address = address_of(entry)
    assert address is None or network_of(address).num_addresses in (2**8, 2**80)


def test_an_organization_keeps_nothing_the_network_or_the_address() -> None:
    address = ip_address("192.0.2.7")
    assert kept_of(address, IpHandling.DROPPED) is None
    assert kept_of(address, IpHandling.TRUNCATED) == "192.0.2.0/24"
    assert kept_of(address, IpHandling.KEPT) == "192.0.2.7"
    assert kept_of(ip_address("2001:db8:1:2::7"), IpHandling.TRUNCATED) == "2001:db8:1::/48"
    assert kept_of(None, IpHandling.KEPT) is None


def test_an_organizations_own_networks_are_known_in_both_families() -> None:
    own = ("192.0.2.0/24", "2001:db8::/32")
    assert is_among(ip_address("192.0.2.255"), own)
    assert is_among(ip_address("2001:db8:ffff::1"), own)
    assert not is_among(ip_address("192.0.3.1"), own)
    assert not is_among(None, own)


@pytest.mark.parametrize(
    ("said", "country"),
    [
        ("BR", "BR"),
        ("br", "BR"),
        ("XX", None),
        ("T1", None),
        ("Brazil", None),
        ("", None),
        (None, None),
    ],
)
def test_a_country_is_two_letters_or_not_known(said: str | None, country: str | None) -> None:
    assert country_of(said) == country


def test_hashes_tell_networks_apart_and_nothing_else() -> None:
    keys = NetworkKeys().at(NOON)
    one, neighbour, other = map(ip_address, ("192.0.2.7", "192.0.2.8", "198.51.100.7"))
    assert keys.hashed(one, NOON, "m") == keys.hashed(neighbour, NOON, "m")
    assert keys.hashed(one, NOON, "m") != keys.hashed(other, NOON, "m")
    assert keys.hashed(one, NOON, "m") != keys.hashed(one, NOON, "n")
    assert keys.hashed(None, NOON, "m") is None


def test_a_key_is_gone_when_its_day_is_over() -> None:
    address = ip_address("192.0.2.7")
    keys = NetworkKeys().at(NOON)
    before = keys.hashed(address, NOON, "m")
    almost = keys.at(NOON + KEY_LIVES - HOUR)
    assert almost.hashed(address, NOON, "m") == before
    over = almost.at(NOON + KEY_LIVES)
    assert over.hashed(address, NOON, "m") is None
    assert "11" not in repr(NetworkKeys({1: "11" * 16})), "keys are no matter for logs"
    assert NetworkKeys.from_text(keys.to_text()) == keys


def test_keys_that_are_there_stay_and_each_hour_has_one_of_its_own() -> None:
    keys = NetworkKeys().at(NOON)
    later = keys.at(NOON + HOUR)
    assert later.by_hour.items() > keys.by_hour.items()
    assert len({*later.by_hour.values()}) == len(later.by_hour) == 3


# --- What is stored -------------------------------------------------------------------------------


async def opened(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, address: str | None, **more: Any
) -> Event:
    """The event of an open from that address."""
    message = await followed_message(contoso, clock())
    await take_in(contoso, replace(hit(message, at(clock, 60)), address=address, **more))
    await fold_all(contoso, clock)
    (event,) = (await read_followed(contoso, message)).events
    return event


@pytest.mark.parametrize(
    ("handling", "kept"),
    [(None, None), (IpHandling.TRUNCATED, "192.0.2.0/24"), (IpHandling.KEPT, "192.0.2.7")],
)
async def test_of_an_address_stays_what_the_organization_keeps_t8(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    handling: IpHandling | None,
    kept: str | None,
) -> None:
    if handling:
        await contoso.change_settings(lambda before: replace(before, ip_handling=handling))
    event = await opened(contoso, take_in, clock, "192.0.2.7:51000")
    assert event.address == kept
    assert event.network and "192" not in event.network
    assert not event.automated


async def test_an_open_from_the_organizations_own_networks_is_nobodys_t8(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    await contoso.change_settings(lambda before: replace(before, own_networks=("192.0.2.0/24",)))
    own = await opened(contoso, take_in, clock, "192.0.2.7")
    assert (own.automated, own.reasons) == (True, ("ownOpen",))
    assert not (await opened(contoso, take_in, clock, "198.51.100.7")).automated


async def test_a_mail_services_machine_does_not_tell_where_its_reader_is_t8(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    assert (await opened(contoso, take_in, clock, None, country="br")).country == "BR"
    proxy = "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"
    by_gmail = await opened(contoso, take_in, clock, None, country="US", agent=proxy)
    assert (by_gmail.client, by_gmail.country, by_gmail.automated) == ("Gmail", None, False)


async def test_a_segment_of_the_version_before_is_folded_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    """It is deployed while hits wait; their lines end with the headers."""
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)))
    (now,) = await read_segments(contoso, 10)
    before = now.packed.decode().removesuffix(",null,null]") + "]"
    assert Segment("k", before.encode()).hits() == now.hits()
