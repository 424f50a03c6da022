"""Which time zone somebody is in, by their zone, address or phone number (rule D1)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.timing.zones import Source, Whereabouts, agree, zone_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def told(**known: object) -> tuple[str, Source] | None:
    """The zone and what told it."""
    zone = zone_of(Whereabouts(**known), NOW)  # type: ignore[arg-type]
    return (zone.name, zone.source) if zone else None


def at(country: str, region: str | None = None, city: str | None = None) -> str | None:
    given = {"country": country, "region": region, "city": city}
    found = told(address={name: value for name, value in given.items() if value})
    assert found is None or found[1] is Source.ADDRESS
    return found and found[0]


def test_the_zone_of_the_record_counts_before_its_address_and_its_phone_number() -> None:
    berlin = {"country": "DE", "city": "Berlin"}
    assert told(time_zone="Asia/Kathmandu", address=berlin, phone="+442079460958") == (
        "Asia/Kathmandu",
        Source.RECORD,
    )
    assert told(address=berlin, phone="+442079460958") == ("Europe/Berlin", Source.ADDRESS)
    assert told(phone="+442079460958") == ("Europe/London", Source.PHONE)
    assert told() is None


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("NP", "Asia/Kathmandu"),
        ("Nepal", "Asia/Kathmandu"),
        ("Marruecos", "Africa/Casablanca"),
        ("Samoa", "Pacific/Apia"),
        ("Deutschland", "Europe/Berlin"),
        ("UK", "Europe/London"),
        ("GBR", "Europe/London"),
        ("Argentina", "America/Argentina/Buenos_Aires"),
    ],
)
def test_a_country_whose_clocks_all_show_the_same_is_enough(country: str, zone: str) -> None:
    assert at(country) == zone


@pytest.mark.parametrize("country", ["BR", "United States", "Rússia", "Portugal", "Utopia"])
def test_a_country_with_different_clocks_or_an_unknown_one_is_not_guessed_at(country: str) -> None:
    assert at(country) is None


@pytest.mark.parametrize(
    ("country", "region", "city", "zone"),
    [
        ("Brasil", "SP", "Campinas", "America/Sao_Paulo"),
        ("BR", "são paulo", None, "America/Sao_Paulo"),
        ("BR", None, "Manaus", "America/Manaus"),
        ("US", "Tennessee", "Knoxville", "America/New_York"),
        ("US", "US-TN", "Nashville", "America/Chicago"),
        ("US", "TN", None, None),
        ("US", "OR", "Portland", "America/Los_Angeles"),
        ("US", "Maine", "Portland", "America/New_York"),
        ("US", None, "Portland", None),
        ("US", "Nowhere", "Boston", None),
        ("AU", "Victoria", "A village", "Australia/Melbourne"),
        ("CA", "Québec", "Montréal", "America/Toronto"),
        ("PT", "Açores", None, "Atlantic/Azores"),
        ("RU", None, "Владивосток", "Asia/Vladivostok"),
    ],
)
def test_a_city_is_told_from_its_namesakes_by_its_region(
    country: str, region: str | None, city: str | None, zone: str | None
) -> None:
    assert at(country, region, city) == zone


@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("+55 11 3456-7890", "America/Sao_Paulo"),
        ("+1 212 555 1234", "America/New_York"),
        ("+34 922 12 34 56", "Atlantic/Canary"),
        ("+34 612 34 56 78", None),
        ("+61 412 345 678", None),
        ("+1 800 555 1234", None),
        ("011 3456-7890", None),
        ("+55 1", None),
        ("call me", None),
    ],
)
def test_a_phone_number_tells_a_zone_where_it_is_valid_in_one(phone: str, zone: str | None) -> None:
    found = told(phone=phone)
    assert found == (zone and (zone, Source.PHONE))


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("America/Sao_Paulo", "BR"),
        ("Asia/Calcutta", "IN"),
        ("US/Eastern", "US"),
        ("Europe/Amsterdam", "NL"),
        ("UTC", None),
    ],
)
def test_the_holidays_are_those_of_the_zones_country_where_nothing_else_is_known(
    zone: str, country: str | None
) -> None:
    found = zone_of(Whereabouts(time_zone=zone), NOW)
    assert found and found.country == country


def test_a_number_without_its_country_code_is_one_of_the_country_of_the_address() -> None:
    assert told(address={"country": "BR"}, phone="(11) 3456-7890") == (
        "America/Sao_Paulo",
        Source.PHONE,
    )


def test_zones_agree_where_their_clocks_show_the_same_all_year() -> None:
    assert agree(["Europe/Berlin", "Europe/Madrid"], NOW)
    assert not agree(["Europe/Berlin", "Africa/Lagos"], NOW)
    assert not agree([], NOW)
