"""What others call a time zone: an IANA name, or one of Windows' (Outlook, Exchange, Dynamics)."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def iana_name(name: str) -> str | None:
    """The IANA name of that zone; None where nobody knows it, as one a user made up in Outlook."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from babel.core import get_global

        # Unicode's table, by Babel: each of Windows' zones with the one of its main territory.
        known = get_global("windows_zone_mapping").get(name)
        return None if known is None else str(known)
    return name
