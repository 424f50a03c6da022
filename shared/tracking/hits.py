"""A hit: one request that a recipient's program made for an address of ours, as it travels.

It is written down compactly, many to a segment, and read again by the fold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

LONGEST_AGENT = 512
LONGEST_ADDRESS = 64
SIGNALS = ("purpose", "sec-purpose", "x-purpose", "x-moz", "range")
"""Request headers that tell a machine from a person; beside them, the agent, the client's address
and its country nothing of a request is kept."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Hit:
    """`id` names it for good: a hit that is recorded twice becomes one event.

    `at` is milliseconds since 1970; `kind` the event kind it stands for (`open`, `click`, …).
    """

    id: str
    at: int
    kind: str
    message: str
    copy: int
    index: int
    method: str
    agent: str
    signals: tuple[tuple[str, str], ...] = ()
    address: str | None = None
    """The client's address as a proxy that is trusted wrote it down (rule T8)."""
    country: str | None = None
    """As the platform tells it, where it does."""

    @property
    def without_address(self) -> Hit:
        return replace(self, address=None)

    def packed(self) -> str:
        """One line of JSON, at most about 1 KiB."""
        return _encode(
            [
                self.id,
                self.at,
                self.kind,
                self.message,
                self.copy,
                self.index,
                self.method,
                self.agent,
                self.signals,
                self.address,
                self.country,
            ]
        )


def client_entry(forwarded: str | None, hops: int) -> str | None:
    """What the outermost of so many proxies that we trust wrote into X-Forwarded-For of its client;
    what stands before it anybody could have written. Whether it is an address the fold sees."""
    entries = forwarded.rsplit(",", hops) if forwarded and hops else ()
    return entries[-hops][:LONGEST_ADDRESS] if len(entries) >= hops > 0 else None


def agent_digest(agent: str) -> str:
    """Tells programs apart, in 12 characters."""
    return hashlib.sha256(agent.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def unpack(lines: Iterable[str]) -> Iterator[Hit]:
    """The hits of packed lines, in their order."""
    for line in lines:
        # Lines of an earlier version end with the headers.
        id_, at, kind, message, copy, index, method, agent, signals, *more = json.loads(line)
        address, country = more or (None, None)
        headers = tuple((name, value) for name, value in signals)
        yield Hit(*(id_, at, kind, message, copy, index, method, agent, headers, address, country))
