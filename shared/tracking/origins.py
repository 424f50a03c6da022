"""Where a hit came from: the client's address, its network, and what is kept of them (rule T8).

Addresses are used to classify and are then dropped, unless the organization keeps them. To tell
networks apart for a while, an event keeps a hash of its /24 or /48 under a key that lives for a
day: when the key is gone the hash compares with nothing any more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from shared.model import IpHandling

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

KEY_LIVES = timedelta(hours=24)
_HOUR = timedelta(hours=1)
_NOWHERE = frozenset({"XX", "ZZ", "T1"})
"""What platforms say of a client whose country they do not know, or that comes through Tor."""


def address_of(entry: str | None) -> Address | None:
    """An entry of X-Forwarded-For as an address; it may carry a port. None where it is none."""
    if entry is None:
        return None
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def network_of(address: Address) -> Network:
    return ip_network((address, 24 if address.version == 4 else 48), strict=False)


def kept_of(address: Address | None, handling: IpHandling) -> str | None:
    """What the organization keeps of an address."""
    if address is None or handling is IpHandling.DROPPED:
        return None
    return str(network_of(address) if handling is IpHandling.TRUNCATED else address)


def is_among(address: Address | None, networks: Sequence[str]) -> bool:
    """Whether an address belongs to one of these networks (CIDR)."""
    return address is not None and any(address in one for one in _parsed(tuple(networks)))


@lru_cache(maxsize=256)
def _parsed(networks: tuple[str, ...]) -> list[Network]:
    return [ip_network(network) for network in networks]


def country_of(said: str | None) -> str | None:
    """An ISO 3166 code in capitals, or None."""
    if said is None:
        return None
    code = said.strip().upper()
    return code if re.fullmatch("[A-Z]{2}", code) and code not in _NOWHERE else None


@dataclass(frozen=True, slots=True)
class NetworkKeys:
    """The keys of an organization by the hour whose hits they are for (whole hours since 1970)."""

    by_hour: Mapping[int, str] = field(default_factory=dict, repr=False)

    def at(self, now: datetime) -> NetworkKeys:
        """Those that live now: older ones are gone, the hour's own and the next one's are there."""
        hour = hour_of(now)
        oldest = hour - KEY_LIVES // _HOUR + 1
        keys = {one: key for one, key in self.by_hour.items() if oldest <= one <= hour + 1}
        for one in (hour, hour + 1):
            keys.setdefault(one, secrets.token_hex(16))
        return NetworkKeys(keys)

    def hashed(self, address: Address | None, at: datetime, message: str) -> str | None:
        """Tells networks apart among the hits of a message in the same hour; None for hits of an
        hour whose key is gone."""
        key = self.by_hour.get(hour_of(at))
        if address is None or key is None:
            return None
        said = f"{message} {network_of(address)}".encode()
        return hmac.new(bytes.fromhex(key), said, hashlib.sha256).hexdigest()[:12]

    @classmethod
    def from_text(cls, text: str | None) -> NetworkKeys:
        return cls({int(hour): key for hour, key in json.loads(text or "{}").items()})

    def to_text(self) -> str:
        return json.dumps(self.by_hour)


def hour_of(instant: datetime) -> int:
    """Of hits of different hours it cannot be told whether their networks are the same."""
    return int(instant.timestamp() // _HOUR.total_seconds())
