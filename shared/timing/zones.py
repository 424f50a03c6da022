"""Which time zone a recipient is in, and where we know it from (rule D1). Never a guess."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.model import Recipient
from shared.organizations import Organization
from shared.records.store import load_record, records_with_address
from shared.timing.places import (
    Region,
    country_of,
    country_of_zone,
    region_of,
    zones_at,
    zones_of,
)


class Source(StrEnum):
    """What a time zone was told by."""

    RECORD = "record"
    ADDRESS = "address"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of where somebody is: an IANA zone, an address (country, region, city), a
    phone number."""

    time_zone: str | None = None
    address: Mapping[str, str] | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class LocalZone:
    """Somebody's time zone and what told it; the country and region whose holidays they have."""

    name: str
    source: Source
    country: str | None = None
    region: Region | None = None

    @property
    def rules(self) -> ZoneInfo:
        return ZoneInfo(self.name)


async def zone_of_recipient(
    organization: Organization, recipient: Recipient, now: datetime
) -> LocalZone | None:
    """The zone of a recipient; None where nothing tells, or several records tell different ones.

    What was given with the message counts before the record; the record is the one that was named,
    else every one that has the address.
    """
    known = await _whereabouts(organization, recipient)
    # Places are read from files, and take their time at the first one.
    found = await asyncio.to_thread(lambda: [zone_of(one, now) for one in known])
    zones = [zone for zone in found if zone is not None]
    return zones[0] if agree([one.name for one in zones], now) else None


async def _whereabouts(organization: Organization, recipient: Recipient) -> Sequence[Whereabouts]:
    if recipient.record is None:
        records = list(await records_with_address(organization, recipient.address))
    else:
        named = await load_record(organization, recipient.record)
        records = [named] if named is not None else []
    stored = [Whereabouts(one.time_zone, one.address, one.phone) for one in records]
    return [
        Whereabouts(
            recipient.time_zone or one.time_zone,
            recipient.postal_address or one.address,
            recipient.phone or one.phone,
        )
        for one in stored or [Whereabouts()]
    ]


def zone_of(known: Whereabouts, now: datetime) -> LocalZone | None:
    """The zone that somebody's whereabouts tell: the zone itself, else the address, else the phone
    number."""
    address = known.address or {}
    country = country_of(address["country"]) if address.get("country") else None
    region = None
    if country and address.get("region"):
        region = region_of(country, address["region"])
    if known.time_zone:
        place = country or country_of_zone(known.time_zone)
        return LocalZone(known.time_zone, Source.RECORD, place, region)
    if country:
        zone = _zone_of_place(country, region, address, now)
        if zone is not None:
            return LocalZone(zone, Source.ADDRESS, country, region)
    return _zone_of_phone(known.phone, country, region, now) if known.phone else None


def _zone_of_place(
    country: str, region: Region | None, address: Mapping[str, str], now: datetime
) -> str | None:
    zones = zones_of(country)
    if agree(zones, now):
        return zones[0]
    if address.get("region") and region is None:
        # A region we do not know may be where another city of that name is.
        return None
    return _one_of(zones_at(country, region, address.get("city")), now)


def _zone_of_phone(
    phone: str, country: str | None, region: Region | None, now: datetime
) -> LocalZone | None:
    """Where a number is valid; one without the code of its country is one of the address's."""
    import phonenumbers
    from phonenumbers.timezone import time_zones_for_number

    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    zone = _one_of(frozenset(time_zones_for_number(number)) - {"Etc/Unknown"}, now)
    if zone is None:
        return None
    place = country or phonenumbers.region_code_for_number(number)
    return LocalZone(zone, Source.PHONE, place, region)


def _one_of(zones: frozenset[str], now: datetime) -> str | None:
    return min(zones) if agree(zones, now) else None


def agree(zones: Sequence[str] | frozenset[str], now: datetime) -> bool:
    """Whether clocks in all of these zones show the same, this year and the next.

    Of no zones nothing is true.
    """
    return bool(zones) and _agree(frozenset(zones), now.year)


@lru_cache(maxsize=1024)
def _agree(zones: frozenset[str], year: int) -> bool:
    """Every three hours are looked at: a rule that changes clocks lasts for weeks."""
    first, *others = (ZoneInfo(zone) for zone in sorted(zones))
    start = datetime(year, 1, 1, tzinfo=UTC)
    return all(
        instant.astimezone(first).utcoffset() == instant.astimezone(other).utcoffset()
        for other in others
        for instant in (start + timedelta(hours=hours) for hours in range(0, 2 * 366 * 24, 3))
    )
