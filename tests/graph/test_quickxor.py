"""QuickXorHash, against known answers and against the definition, bit by bit."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.graph.quickxor import QuickXor


def by_definition(data: bytes) -> str:
    """Microsoft's definition, one byte at a time."""
    bits = [0] * 160
    for number, byte in enumerate(data):
        for bit in range(8):
            bits[(11 * number + bit) % 160] ^= byte >> bit & 1
    state = bytearray(sum(bits[8 * i + k] << k for k in range(8)) for i in range(20))
    for place, byte in enumerate(len(data).to_bytes(8, "little")):
        state[12 + place] ^= byte
    return base64.b64encode(state).decode()


def hashed(*parts: bytes) -> str:
    hasher = QuickXor()
    for part in parts:
        hasher.update(part)
    return hasher.text()


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("Sg==", "SgAAAAAAAAAAAAAAAQAAAAAAAAA="),
        ("tbQ=", "taAFAAAAAAAAAAAAAgAAAAAAAAA="),
    ],
)
def test_known_files_have_their_known_hashes(content: str, answer: str) -> None:
    assert hashed(base64.b64decode(content)) == answer == by_definition(base64.b64decode(content))


@given(st.lists(st.binary(max_size=700), max_size=6))
def test_the_hash_is_the_defined_one_however_the_file_is_cut(parts: list[bytes]) -> None:
    assert hashed(*parts) == hashed(b"".join(parts)) == by_definition(b"".join(parts))


def test_a_file_longer_than_what_is_folded_at_once_has_the_defined_hash() -> None:
    content = bytes(i * i % 251 for i in range(400_003))
    assert hashed(content[:3], content[3:]) == by_definition(content)
