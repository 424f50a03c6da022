"""The instant that a local time means, by the zone rules of the package `tzdata` (rule D3).

An hour that does not exist, because clocks go forward, moves forward by as much; of an hour that
happens twice it is the first. (Both are what PEP 495 says of `fold=0`.)
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from shared.model import LocalTime, SendTime


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """The rules of all zones, and their version: `2025b` is newer than `2025a`."""

    version: str
    zone: Callable[[str], tzinfo]
    """The zone with an IANA name; raises `LookupError` where there is none."""

    def send_time(self, text: str, time_zone: str) -> SendTime:
        """The instant at which a clock in that zone shows this time (ISO 8601, no offset).

        Raises `LookupError` for an unknown zone, `OverflowError` at the ends of the calendar.
        """
        shown = datetime.fromisoformat(text).replace(tzinfo=self.zone(time_zone), fold=0)
        return SendTime(shown.astimezone(UTC), LocalTime(text, time_zone, self.version))

    def renewed(self, time: SendTime) -> SendTime:
        """The same local time by these rules; what is an instant stays one, and so does the time of
        a zone that they no longer have."""
        if time.local is None:
            return time
        try:
            anew = self.send_time(time.local.text, time.local.time_zone)
        except LookupError:
            return time
        return replace(time, at=anew.at, local=anew.local)


@functools.cache
def installed_rules() -> ZoneRules:
    """Those of the package, whatever the machine itself has."""
    import tzdata  # type: ignore[import-untyped]

    return ZoneRules(tzdata.IANA_VERSION, _zone)


@functools.cache
def _zone(name: str) -> tzinfo:
    rules = importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if ".." in name or not rules.is_file():
        raise LookupError(f"there is no time zone {name!r}")
    with rules.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
