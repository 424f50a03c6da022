"""Signed addresses: what we sent is told from what anybody else made (rules T3, T4, A1)."""

from __future__ import annotations

import base64
import string
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.tracking.tokens import (
    Addresses,
    Forged,
    Kind,
    Mangled,
    Signer,
    Sound,
    Target,
    Withdrawn,
)

OLD, NEW = b"o" * 32, b"n" * 32
SIGNER = Signer({"k1": OLD})
MESSAGE = "0123456789abcdef0123456789abcdef"
TARGET = Target("contoso", MESSAGE, copy=3, index=7)
DESTINATION = "https://example.com/offer?a=1&b=%20#part"
BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

kinds = st.sampled_from(Kind)
targets = st.builds(
    Target,
    organization=st.text(string.ascii_lowercase + string.digits, min_size=2, max_size=24),
    message=st.binary(min_size=16, max_size=16).map(bytes.hex),
    copy=st.integers(0, 0xFFFF),
    index=st.integers(0, 0xFFFF),
)
# Everything that can stand in a query, and what cannot: lone surrogates come from hostile bytes.
destinations = st.text(st.characters(), max_size=200)


def raw(token: str) -> bytearray:
    return bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))


def spelled(token: bytes | bytearray) -> str:
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def with_destination(kind: Kind) -> str:
    return DESTINATION if kind is Kind.CLICK else ""


@given(kinds, targets, destinations)
def test_what_we_signed_says_which_copy_and_which_link_it_was(
    kind: Kind, target: Target, destination: str
) -> None:
    token = SIGNER.token(kind, target, destination)
    assert set(token) <= set(BASE64URL)
    assert SIGNER.verify(kind, token, destination) == Sound(target)


@pytest.mark.parametrize("kind", Kind)
def test_every_single_altered_byte_makes_a_forgery_t4(kind: Kind) -> None:
    token = raw(SIGNER.token(kind, TARGET, DESTINATION))
    mac = len(token) - (32 if kind is Kind.CLICK else 16)
    for place in range(len(token)):
        for mask in (0x01, 0x80, 0xFF):
            altered = token.copy()
            altered[place] ^= mask
            verdict = SIGNER.verify(kind, spelled(altered), with_destination(kind))
            # A broken MAC beside a sound seal is what a mangled destination looks like: the
            # stored link is offered and nothing redirects.
            if kind is Kind.CLICK and mac <= place < mac + 16:
                assert verdict == Mangled(TARGET)
            else:
                assert verdict == Forged(), (place, mask)


@pytest.mark.parametrize("kind", Kind)
def test_every_altered_character_and_every_cut_makes_a_forgery_t4(kind: Kind) -> None:
    token = SIGNER.token(kind, TARGET, DESTINATION)
    destination = with_destination(kind)
    for place, character in enumerate(token):
        other = BASE64URL[(BASE64URL.index(character) + 1) % 64]
        altered = token[:place] + other + token[place + 1 :]
        assert not isinstance(SIGNER.verify(kind, altered, destination), Sound)
        assert SIGNER.verify(kind, token[:place], destination) == Forged()
        assert SIGNER.verify(kind, token[place + 1 :], destination) == Forged()


@given(kinds, st.text(max_size=20).filter(bool), st.integers(0, 120))
def test_anything_put_into_a_token_makes_a_forgery_t4(kind: Kind, extra: str, place: int) -> None:
    token = SIGNER.token(kind, TARGET, DESTINATION)
    extended = token[:place] + extra + token[place:]
    assume(extended != token)
    assert not isinstance(SIGNER.verify(kind, extended, with_destination(kind)), Sound)


@given(st.data())
def test_several_altered_bytes_make_no_sound_token_t4(data: st.DataObject) -> None:
    kind = data.draw(kinds)
    token = raw(SIGNER.token(kind, TARGET, DESTINATION))
    places = data.draw(st.sets(st.integers(0, len(token) - 1), min_size=1))
    for place in places:
        token[place] ^= data.draw(st.integers(1, 255))
    assert not isinstance(SIGNER.verify(kind, spelled(token), with_destination(kind)), Sound)


@given(kinds, st.text(max_size=320), destinations)
def test_what_strangers_make_up_is_a_forgery_and_no_error(
    kind: Kind, token: str, destination: str
) -> None:
    assert SIGNER.verify(kind, token, destination) == Forged()


@given(kinds, st.binary(max_size=220))
def test_random_bytes_are_a_forgery_and_no_error(kind: Kind, token: bytes) -> None:
    assert SIGNER.verify(kind, spelled(bytes((1, kind)) + token), DESTINATION) == Forged()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("other", Kind)
def test_a_token_of_one_kind_is_a_forgery_at_the_address_of_another(
    kind: Kind, other: Kind
) -> None:
    token = SIGNER.token(kind, TARGET, DESTINATION)
    if other is not kind:
        assert SIGNER.verify(other, token, with_destination(other)) == Forged()


@given(kinds, kinds, targets, targets)
def test_no_part_of_one_token_makes_another_sound_a1(
    kind: Kind, other_kind: Kind, target: Target, other: Target
) -> None:
    """Neither the organization nor the message, the copy or the link can be swapped."""
    assume((kind, target) != (other_kind, other))
    one = raw(SIGNER.token(kind, target, DESTINATION))
    two = raw(SIGNER.token(other_kind, other, DESTINATION))
    for cut in (16, 32):
        for stranger in (one[:-cut] + two[-cut:], two[:-cut] + one[-cut:]):
            for asked in (kind, other_kind):
                verdict = SIGNER.verify(asked, spelled(stranger), with_destination(asked))
                # Two sound seals cannot be told from a mangled destination: the same target.
                if isinstance(verdict, Sound):
                    assert stranger in (one, two)


@pytest.mark.parametrize(
    "other",
    [
        replace(TARGET, organization="fabrikam"),
        replace(TARGET, message=MESSAGE[::-1]),
        replace(TARGET, copy=4),
        replace(TARGET, index=8),
    ],
)
def test_a_token_whose_target_was_rewritten_is_a_forgery_a1(other: Target) -> None:
    wanted = raw(SIGNER.token(Kind.CLICK, other, DESTINATION))
    signed = raw(SIGNER.token(Kind.CLICK, TARGET, DESTINATION))
    stolen = wanted[:-32] + signed[-32:]
    assert SIGNER.verify(Kind.CLICK, spelled(stolen), DESTINATION) == Forged()


@given(destinations, destinations)
def test_a_mangled_destination_never_redirects_and_still_tells_which_link_it_was_t4(
    signed: str, arrived: str
) -> None:
    assume(signed != arrived)
    token = SIGNER.token(Kind.CLICK, TARGET, signed)
    assert SIGNER.verify(Kind.CLICK, token, arrived) == Mangled(TARGET)


@pytest.mark.parametrize(
    "arrived",
    [
        "",
        DESTINATION + " ",
        DESTINATION[:-1],
        DESTINATION.upper(),
        DESTINATION.replace("%20", " "),
        "https://evil.example/",
        "javascript:alert(1)",
        "\ud800",
        "\0",
        "https://example.com/\u202egnp.exe",
    ],
)
def test_hostile_destinations_are_mangled_ones_t4(arrived: str) -> None:
    token = SIGNER.token(Kind.CLICK, TARGET, DESTINATION)
    assert SIGNER.verify(Kind.CLICK, token, arrived) == Mangled(TARGET)


def test_only_one_spelling_of_a_token_is_sound() -> None:
    """Base64 decoders pass over spare bits, padding and foreign characters; nothing here may."""
    for number in range(3):
        target = replace(TARGET, organization="contoso"[: 5 + number])
        token = SIGNER.token(Kind.OPEN, target)
        spare = {0: 0, 2: 4, 3: 2}[len(token) % 4]
        last = BASE64URL.index(token[-1])
        others = [f"{token[:-1]}{BASE64URL[last | bit]}" for bit in range(1, 1 << spare)]
        others += [f"{token}=", f"{token}==", f"{token}\n", f" {token}", f"{token}!", f"!{token}"]
        others += [f"{token[:9]}*{token[9:]}", f"{token[:9]}\u0130{token[9:]}", f"{token}\0"]
        others += [token.replace("-", "+").replace("_", "/")] if set(token) & set("-_") else []
        for other in others:
            assert SIGNER.verify(Kind.OPEN, other) == Forged(), other


def test_links_that_were_sent_keep_working_when_keys_are_rotated_t4() -> None:
    before = Signer({"k1": OLD})
    after = Signer({"k2": NEW, "k1": OLD})
    sent = before.token(Kind.CLICK, TARGET, DESTINATION)
    assert after.verify(Kind.CLICK, sent, DESTINATION) == Sound(TARGET)
    assert after.verify(Kind.CLICK, sent, "https://evil.example/") == Mangled(TARGET)


def test_the_newest_key_signs() -> None:
    rotated = Signer({"k2": NEW, "k1": OLD})
    token = rotated.token(Kind.OPEN, TARGET)
    assert Signer({"k2": NEW}).verify(Kind.OPEN, token) == Sound(TARGET)
    assert Signer({"k1": OLD}).verify(Kind.OPEN, token) == Forged()


def test_a_withdrawn_key_is_said_to_be_withdrawn_and_never_signs() -> None:
    sent = Signer({"k1": OLD}).token(Kind.CLICK, TARGET, DESTINATION)
    withdrawn = Signer({"k1": b"", "k2": NEW})
    assert withdrawn.verify(Kind.CLICK, sent, DESTINATION) == Withdrawn()
    fresh = withdrawn.token(Kind.CLICK, TARGET, DESTINATION)
    assert withdrawn.verify(Kind.CLICK, fresh, DESTINATION) == Sound(TARGET)


def test_nobody_can_sign_with_the_emptiness_of_a_withdrawn_key() -> None:
    withdrawn = Signer({"k2": NEW, "k1": b""})
    forged = Signer({"k1": b"\0"}).token(Kind.CLICK, TARGET, DESTINATION)
    assert withdrawn.verify(Kind.CLICK, forged, DESTINATION) == Withdrawn()


def test_a_key_nobody_knows_makes_a_forgery() -> None:
    token = Signer({"k9": NEW}).token(Kind.OPEN, TARGET)
    assert SIGNER.verify(Kind.OPEN, token) == Forged()


def test_the_same_key_id_with_another_secret_makes_a_forgery() -> None:
    token = Signer({"k1": NEW}).token(Kind.CLICK, TARGET, DESTINATION)
    assert SIGNER.verify(Kind.CLICK, token, DESTINATION) == Forged()


@given(targets, st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_a_redirects_address_carries_the_destination_through_any_query_parser_t3(
    target: Target, destination: str
) -> None:
    address = Addresses(SIGNER, "https://follow.example").redirect(target, destination)
    parts = urlsplit(address)
    token = parts.path.removeprefix("/r/")
    (arrived,) = parse_qs(parts.query, keep_blank_values=True)["u"]
    assert SIGNER.verify(Kind.CLICK, token, arrived) == Sound(target)


def test_a_pixels_address_is_a_gif_of_the_public_address_t1() -> None:
    address = Addresses(SIGNER, "https://follow.example").pixel(TARGET)
    token = address.removeprefix("https://follow.example/o/").removesuffix(".gif")
    assert SIGNER.verify(Kind.OPEN, token) == Sound(TARGET)
