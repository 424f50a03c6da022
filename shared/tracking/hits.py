"""A hit: one request that a recipient's program made for an address of ours, as it travels.

It is written down compactly, many to a segment, and read again by the fold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST_AGENT = 512
SIGNALS = ("purpose", "sec-purpose", "x-purpose", "x-moz", "range")
"""Request headers that tell a machine from a person; nothing else of a request is kept."""

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
            ]
        )


def agent_digest(agent: str) -> str:
    """Tells programs apart, in 12 characters."""
    return hashlib.sha256(agent.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def unpack(lines: Iterable[str]) -> Iterator[Hit]:
    """The hits of packed lines, in their order."""
    for line in lines:
        id_, at, kind, message, copy, index, method, agent, signals = json.loads(line)
        headers = tuple((name, value) for name, value in signals)
        yield Hit(id_, at, kind, message, copy, index, method, agent, headers)
