"""Signed tokens of the addresses that recipients touch.

A token says which organization, message, copy and thing (link, attachment, image) an address stands
for, and is signed by a key of the deployment that it names, so that one check without any I/O tells
a sound address from a forged one, also after keys were rotated and organizations removed.

Layout, base64url without padding (RFC 4648 §5), the canonical spelling only:

    version (1) · kind (1) · key id (length, text) · organization (length, text)
    · message (16) · copy (2) · index (2) · MAC (16) [· seal (16), clicks only]

The MAC is HMAC-SHA256 cut to 128 bits (RFC 2104 §5) over everything before it and, for a click, the
destination as well. A click's seal is the same without the destination: it tells an address whose
destination was mangled on the way (rule T4) from a forgery. Versions start the payload, so that
links that were sent years ago keep being read.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import quote

VERSION = 1
_MAC_BYTES = 16
_LONGEST_TOKEN = 300


class Kind(IntEnum):
    """What an address stands for; its path starts with the letter in `PATHS`."""

    OPEN = 1
    CLICK = 2
    ATTACHMENT = 3
    IMAGE = 4


PATHS = {Kind.OPEN: "o", Kind.CLICK: "r", Kind.ATTACHMENT: "a", Kind.IMAGE: "i"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a token points at. `message` is 32 hexadecimal digits; `index` the number of the link,
    the attachment or the image."""

    organization: str
    message: str
    copy: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True)
class Sound:
    """The address is ours and unaltered."""

    target: Target


@dataclass(frozen=True, slots=True)
class Mangled:
    """The token is ours, but the destination beside it is not the one we signed."""

    target: Target


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Signed with a key that the deployment has withdrawn."""


@dataclass(frozen=True, slots=True)
class Forged:
    """Not an address of ours, or an altered one."""


Verdict = Sound | Mangled | Withdrawn | Forged


class Signer:
    """Signs with the newest key and verifies with all of them.

    `keys` maps key ids to secrets, the signing one first; an empty secret marks a withdrawn key.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._newest = next(key_id for key_id, secret in keys.items() if secret)

    def token(self, kind: Kind, target: Target, destination: str = "") -> str:
        """The token for an address; `destination` belongs to clicks."""
        secret = self._keys[self._newest]
        payload = _pack(kind, self._newest, target)
        signed = payload + _mac(secret, payload, destination if kind is Kind.CLICK else None)
        if kind is Kind.CLICK:
            signed += _mac(secret, b"seal" + payload, None)
        return _encode(signed)

    def verify(self, kind: Kind, token: str, destination: str = "") -> Verdict:
        """Judges a token that arrived at the address of `kind`. Never raises, does no I/O."""
        unpacked = _unpack(kind, token)
        if unpacked is None:
            return Forged()
        payload, key_id, target, mac, seal = unpacked
        secret = self._keys.get(key_id)
        if secret is None:
            return Forged()
        if not secret:
            return Withdrawn()
        wanted = _mac(secret, payload, destination if kind is Kind.CLICK else None)
        if hmac.compare_digest(mac, wanted):
            # A sound MAC beside a broken seal is an altered token all the same.
            if seal and not hmac.compare_digest(seal, _mac(secret, b"seal" + payload, None)):
                return Forged()
            return Sound(target)
        if seal and hmac.compare_digest(seal, _mac(secret, b"seal" + payload, None)):
            return Mangled(target)
        return Forged()


class Addresses:
    """Builds the addresses that go into a message of one organization."""

    def __init__(self, signer: Signer, public_address: str) -> None:
        self._signer = signer
        self._public_address = public_address

    def pixel(self, target: Target) -> str:
        return f"{self._public_address}/o/{self._signer.token(Kind.OPEN, target)}.gif"

    def attachment(self, target: Target, name: str) -> str:
        token = self._signer.token(Kind.ATTACHMENT, target)
        return f"{self._public_address}/a/{token}/{quote(name, safe='')}"

    def redirect(self, target: Target, destination: str) -> str:
        token = self._signer.token(Kind.CLICK, target, destination)
        return f"{self._public_address}/r/{token}?u={quote(destination, safe='')}"

    def image(self, target: Target, name: str) -> str:
        """`name` is for people who look at the address: letters, digits, dots and hyphens."""
        return f"{self._public_address}/i/{self._signer.token(Kind.IMAGE, target)}/{name}"


def _pack(kind: Kind, key_id: str, target: Target) -> bytes:
    key, organization = key_id.encode("ascii"), target.organization.encode("ascii")
    return b"".join(
        (
            bytes((VERSION, kind, len(key))),
            key,
            bytes((len(organization),)),
            organization,
            bytes.fromhex(target.message),
            struct.pack(">HH", target.copy, target.index),
        )
    )


def _unpack(kind: Kind, token: str) -> tuple[bytes, str, Target, bytes, bytes] | None:
    """Payload, key id, target, MAC and seal; None for what cannot be a token of this kind."""
    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    # The decoder passes over foreign characters and spare bits; only our own spelling is sound.
    if _encode(raw) != token or len(raw) < 4 or raw[0] != VERSION or raw[1] != kind:
        return None
    key_end = 3 + raw[2]
    if len(raw) <= key_end:
        return None
    organization_end = key_end + 1 + raw[key_end]
    end = organization_end + 20
    macs = raw[end:]
    if len(macs) != (2 if kind is Kind.CLICK else 1) * _MAC_BYTES:
        return None
    try:
        key_id = raw[3:key_end].decode("ascii")
        organization = raw[key_end + 1 : organization_end].decode("ascii")
    except UnicodeDecodeError:
        return None
    copy, index = struct.unpack(">HH", raw[organization_end + 16 : end])
    message = raw[organization_end : organization_end + 16].hex()
    target = Target(organization, message, copy, index)
    return raw[:end], key_id, target, macs[:_MAC_BYTES], macs[_MAC_BYTES:]


def _mac(secret: bytes, payload: bytes, destination: str | None) -> bytes:
    signed = payload
    if destination is not None:
        signed = payload + b"\0" + destination.encode("utf-8", "surrogatepass")
    return hmac.digest(secret, signed, "sha256")[:_MAC_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
