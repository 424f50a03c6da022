"""Addresses of ours in what a seller quotes: known however they are spelled, and never wrapped anew
(T3, F4)."""

from __future__ import annotations

import html
import json
import re

import pytest

from shared.model import Content, Recipient
from shared.sending.compose import Composed, compose, recognizer
from shared.settings import Settings
from shared.tracking.tokens import Addresses, Signer, Target
from tests.test_settings import CONTOSO, SOUND

OLD, NEW = b"an older key, of 32 bytes or more", b"a newer key, of 32 bytes or more."
SIGNER = Signer({"k2": NEW, "k1": OLD})
WITHDRAWN = Signer({"k0": b"a key that was lost, and so withdrawn"})
THEIRS = Signer({"k1": b"a key of somebody else's deployment"})
OURS = Signer({"k2": NEW, "k1": OLD, "k0": b""})
EARLIER, NOW = Target("contoso", "a" * 32, 0, 3), Target("contoso", "b" * 32)
OFFER = "https://example.com/offer?a=1&b=2"
ADDRESS = "https://follow.example"


def composed(body: str, *, followed: bool, address: str = ADDRESS) -> Composed:
    """A message of a deployment at that address, with that body."""
    recipients = (Recipient("to", "li@example.com"),)
    return compose(
        Content("Re: Offer", body, None, recipients),
        NOW,
        followed=followed,
        addresses=Addresses(OURS, address),
        own=recognizer(OURS, frozenset({address})),
        language="en",
    )


def link(address: str) -> str:
    return f'<p><a href="{html.escape(address)}">Our offer</a></p>'


def read(made: Composed) -> str:
    """The body without the pixel of the new message."""
    return re.sub(r"<img[^>]*>", "", made.body)


@pytest.mark.parametrize(
    "spelled",
    [
        "https://follow.example",
        "https://follow.example/",
        "https://Follow.Example",
        "https://FOLLOW.EXAMPLE",
        "https://follow.example:443",
        "https://Follow.example:443/",
    ],
)
@pytest.mark.parametrize("own", [False, True], ids=["of the deployment", "of the organization"])
@pytest.mark.parametrize("followed", [True, False])
def test_a_redirect_of_ours_is_known_however_the_public_address_is_spelled(
    spelled: str, own: bool, followed: bool
) -> None:
    address = public_address(spelled, own=own)
    redirect = Addresses(SIGNER, address).redirect(EARLIER, OFFER)
    made = composed(link(redirect), followed=followed, address=address)
    assert (read(made), made.links) == (link(OFFER), ())


@pytest.mark.parametrize(
    "written", ["https://follow.example", "HTTPS://Follow.EXAMPLE", "https://follow.example:443"]
)
@pytest.mark.parametrize("followed", [True, False])
def test_a_redirect_of_ours_is_known_however_a_mail_program_wrote_it(
    written: str, followed: bool
) -> None:
    redirect = Addresses(SIGNER, written).redirect(EARLIER, OFFER)
    made = composed(link(redirect), followed=followed)
    assert (read(made), made.links) == (link(OFFER), ())


def test_a_public_address_at_another_port_keeps_it() -> None:
    for spelled in ("http://Localhost:7071", "https://localhost:80", "http://localhost:443"):
        assert public_address(spelled, own=False) == spelled.lower()


def public_address(spelled: str, *, own: bool) -> str:
    """The address that a deployment with these settings sends its links under."""
    if own:
        changes = {"ORGANIZATIONS": json.dumps([CONTOSO | {"publicAddress": spelled}])}
    else:
        changes = {"PUBLIC_ADDRESS": spelled}
    return Settings.from_env(SOUND | changes).organizations["contoso"].public_address


@pytest.mark.parametrize("followed", [True, False])
def test_a_quoted_link_of_a_withdrawn_key_stays_as_it_is(followed: bool) -> None:
    """It leads to the page that says so; wrapped once more it would only lead there later."""
    quoted = link(Addresses(WITHDRAWN, ADDRESS).redirect(EARLIER, OFFER))
    made = composed(quoted, followed=followed)
    assert (read(made), made.links) == (quoted, ())


@pytest.mark.parametrize("followed", [True, False])
def test_a_quoted_link_that_was_mangled_on_the_way_stays_as_it_is(followed: bool) -> None:
    mangled = Addresses(SIGNER, ADDRESS).redirect(EARLIER, OFFER).replace("offer", "0ffer")
    made = composed(link(mangled), followed=followed)
    assert (read(made), made.links) == (link(mangled), ())


def test_a_link_that_only_looks_like_ours_is_a_link_of_the_sellers() -> None:
    """Of another deployment that had this address before, or written by hand."""
    for address in (
        Addresses(THEIRS, ADDRESS).redirect(EARLIER, OFFER),
        f"{ADDRESS}/r/by-hand?u=https%3A%2F%2Fexample.com%2F",
        f"{ADDRESS}/",
    ):
        made = composed(link(address), followed=True)
        assert [found.url for found in made.links] == [address]
        assert read(composed(link(address), followed=False)) == link(address)
