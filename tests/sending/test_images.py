"""Images of a message's own: stored and linked where it is followed, parts of the mail where it is
not (T2, F4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.graph.attachments import Attachment
from shared.graph.mail import Mail
from shared.messages.images import load_image
from shared.messages.rows import image_from_row, image_key
from shared.model import Content, FollowChoice, Recipient, Status, StoredImage
from shared.sending.attempt import LEASE, lease_rest
from shared.sending.compose import Composed, compose, recognizer
from shared.sending.deliver import deliver
from shared.sending.images import MOST_IMAGES
from shared.tracking.tokens import Addresses, Kind, Signer, Sound, Target
from tests.mail.images import DATA, GIF, JPEG, PNG, SVG, data_uri
from tests.sampling import steps
from tests.sending.mortality import Killed, Trouble, TroubledMail, trouble_in
from tests.sending.post_office import PUBLIC_ADDRESS, SIGNER, WORD_COMES_BACK_S, PostOffice

SIGNED = Signer({"k1": b"a key for tests, 32 bytes or more"})
ADDRESS = "https://follow.example"
TARGET = Target("contoso", "b" * 32, 3)
LOGO = StoredImage("c" * 64, "image/png", "Lögo (final) v2.PNG")


def composed(body: str, *, followed: bool, **attached: StoredImage) -> Composed:
    return compose(
        Content("Offer", body, None, (Recipient("to", "li@example.com"),)),
        TARGET,
        followed=followed,
        addresses=Addresses(SIGNED, ADDRESS),
        own=recognizer(SIGNED, frozenset({ADDRESS})),
        attached=attached,
        language="en",
    )


def image_addresses(body: str, address: str = ADDRESS) -> list[tuple[str, str]]:
    """Token and name of every linked image."""
    return re.findall(rf"{address}/i/([^/\"') ]+)/([^\"') ]+)", body)


def test_an_image_in_a_followed_body_gets_an_address_of_its_copy_t2() -> None:
    made = composed(f'<p>x</p><img src="{DATA}" alt="x">', followed=True)
    ((token, name),) = image_addresses(made.body)
    assert SIGNED.verify(Kind.IMAGE, token) == Sound(replace(TARGET, index=0))
    assert name == "image1.png"
    (linked,) = made.images
    assert (linked.index, linked.content) == (0, PNG)
    assert linked.image == StoredImage(hashlib.sha256(PNG).hexdigest(), "image/png", "image1.png")
    assert made.inline == ()


def test_the_same_image_twice_is_one_and_others_are_numbered_t2() -> None:
    body = f"<img src='{DATA}'><p style='b:url({data_uri(GIF)})'><img src='{DATA}'>"
    made = composed(f"{body}<v:fill src='{data_uri(JPEG)}'>", followed=True)
    names = [name for _, name in image_addresses(made.body)]
    assert names == ["image1.png", "image2.gif", "image1.png", "image3.jpg"]
    assert [linked.index for linked in made.images] == [0, 1, 2]
    assert [linked.content for linked in made.images] == [PNG, GIF, JPEG]


def test_the_same_body_is_composed_alike_at_every_attempt_t2() -> None:
    for followed in (True, False):
        body = f"<img src='{DATA}'><img src='{data_uri(GIF)}'>"
        assert composed(body, followed=followed) == composed(body, followed=followed)


def test_a_drawing_and_a_broken_image_stay_in_the_body_t2() -> None:
    """SVG can hold scripts, which must not run in our origin."""
    body = f"<img src='{data_uri(SVG, 'image/svg+xml')}'><img src='data:image/png;base64,?'>"
    assert composed(body, followed=True).body.startswith(body)
    assert composed(body, followed=False).body == body


def test_images_that_are_attached_are_linked_by_their_content_id_t2() -> None:
    body = "<img src='cid:logo'><p style='b:url(cid:logo)'><img src='cid:other'>"
    made = composed(body, followed=True, logo=LOGO)
    assert [name for _, name in image_addresses(made.body)] == ["L-go-final-v2.png"] * 2
    assert "cid:other" in made.body
    (linked,) = made.images
    assert (linked.image.sha256, linked.content) == (LOGO.sha256, None)
    assert made.linked == {"logo"}


def test_what_is_attached_and_no_image_of_ours_is_not_linked_t2() -> None:
    drawing = replace(LOGO, content_type="image/svg+xml")
    made = composed("<img src='cid:logo'>", followed=True, logo=drawing)
    assert (made.images, made.linked) == ((), frozenset()) and "cid:logo" in made.body


def test_images_of_a_body_that_is_not_followed_travel_with_it_f4() -> None:
    body = f"<img src='{DATA}'><img src='{DATA}'><img src='{data_uri(GIF)}'><img src='cid:logo'>"
    made = composed(body, followed=False, logo=LOGO)
    assert [(part.name, part.content_type, part.content) for part in made.inline] == [
        ("image1.png", "image/png", PNG),
        ("image2.gif", "image/gif", GIF),
    ]
    png, gif = (f"cid:{part.content_id}" for part in made.inline)
    assert re.findall("src='([^']*)'", made.body) == [png, png, gif, "cid:logo"]
    assert ADDRESS not in made.body
    assert (made.images, made.links) == ((), ())


@pytest.mark.parametrize("followed", [True, False])
def test_more_images_than_anybody_sends_stay_in_the_body(followed: bool) -> None:
    bodies = [f"<img src={data_uri(GIF + bytes([n % 256, n // 256]))}>" for n in range(210)]
    made = composed("".join(bodies), followed=followed)
    assert len(made.images or made.inline) == MOST_IMAGES
    assert made.body.count("data:image") == 210 - MOST_IMAGES


def test_images_of_ours_in_quoted_text_stay_where_they_are_t3() -> None:
    image = Addresses(SIGNED, ADDRESS).image(replace(TARGET, index=7), "image8.png")
    body = f'<img src="{image}"><p style="b:url({image})">'
    for followed in (True, False):
        made = composed(body, followed=followed)
        assert made.body.startswith(body)
        assert (made.images, made.inline) == ((), ())


# What delivery makes of it

HTML = f'<img src="{DATA}"><p style="background:url({data_uri(GIF)})">x</p>'

delivered = pytest.mark.asyncio(loop_scope="module")
noisy = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


@delivered
@noisy
async def test_the_images_of_a_mail_that_arrived_are_stored_t2(office: PostOffice) -> None:
    message = await office.accepted(office.order(html=HTML))
    assert (await office.finish(message)).followed
    (mail,) = office.received()
    assert mail["attachments"] == []
    found = []
    for token, name in image_addresses(mail["html"], PUBLIC_ADDRESS):
        verdict = SIGNER.verify(Kind.IMAGE, token)
        assert isinstance(verdict, Sound)
        target = verdict.target
        loaded = await load_image(office.organization, target.message, target.copy, target.index)
        assert loaded is not None and loaded[0].name == name
        found.append((loaded[0].content_type, loaded[1]))
    assert found == [("image/png", PNG), ("image/gif", GIF)]


@delivered
@noisy
async def test_an_image_is_stored_once_whoever_sends_it_t2(office: PostOffice) -> None:
    keys = set()
    for _ in range(2):
        message = await office.accepted(office.order(html=HTML))
        await office.finish(message)
        keys |= {image_from_row(row).sha256 for row in await office.rows("image~", message)}
    names = [name async for name, _ in office.organization.blobs.names("content")]
    assert keys == {hashlib.sha256(image).hexdigest() for image in (PNG, GIF)}
    assert keys == {name.removeprefix("images/") for name in names if name.startswith("images/")}


@pytest.mark.thorough
@delivered
@noisy
@pytest.mark.parametrize("after", [True, False])
async def test_a_delivery_killed_anywhere_leaves_every_image_that_went_out_stored_t2(
    office: PostOffice, after: bool
) -> None:
    for number in steps(40):
        office.forget_mail()
        message = await office.accepted(office.order(html=HTML))
        trouble = Trouble(number, after, Killed)
        async with trouble_in(office, trouble) as theirs:
            workshop = replace(theirs.workshop(), mail=TroubledMail(office.mail.graph, trouble))
            await deliver(workshop, message)
        drafts_with_images(office)
        for row in await office.rows("image~", message):
            image = image_from_row(row)
            assert await office.organization.blobs.get("content", f"images/{image.sha256}")
        office.clock.move(seconds=WORD_COMES_BACK_S)
        assert (await office.finish(message)).status is Status.SENT
        (mail,) = office.received()
        assert len(image_addresses(mail["html"], PUBLIC_ADDRESS)) == 2
        assert [row["RowKey"] for row in await office.rows("image~", message)] == [
            image_key(0, 0),
            image_key(0, 1),
        ]
        if not trouble.came:
            return
    raise AssertionError("it makes more calls than any test expects")


def drafts_with_images(office: PostOffice) -> None:
    for draft in office.drafts():
        assert DATA not in draft["body"]["content"]


@dataclass(frozen=True)
class SlowMail(Mail):
    """Attaching takes long; `during` tells how the message stands then."""

    during: Callable[[], Awaitable[None]] | None = None

    async def add_attachment(self, mailbox: str, draft_id: str, file: Attachment) -> None:
        await super().add_attachment(mailbox, draft_id, file)
        if self.during is not None:
            await self.during()


@delivered
@noisy
async def test_the_message_is_kept_while_its_images_are_attached_f4(office: PostOffice) -> None:
    """Were its lease over, somebody else would attach them, too."""
    message = await office.accepted(office.order(html=HTML, follow=FollowChoice.OFF))
    rests = []

    async def a_long_time() -> None:
        office.clock.move(seconds=LEASE.total_seconds() - 10)
        rests.append(lease_rest((await office.stored(message)).message, office.clock()))

    later = await office.deliver(message, SlowMail(office.tenant, a_long_time))
    assert len(rests) == 2 and min(rests) > timedelta()
    assert later is not None  # what is left of the lease is not enough for sending
    office.clock.move(seconds=later.seconds)
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert len(mail["attachments"]) == 2


@delivered
@noisy
async def test_a_draft_that_turns_unfollowed_leaves_no_image_rows_f4(office: PostOffice) -> None:
    office.faults({"kind": "unavailable", "method": "POST", "path": "/send$"})
    message = await office.accepted(office.order(html=HTML))
    assert await office.deliver(message)
    assert len(await office.rows("image~", message)) == 2
    await office.switch_engagement(on=False)
    office.clock.move(minutes=10)
    try:
        assert (await office.finish(message)).followed is False
    finally:
        await office.switch_engagement(on=True)
    assert await office.rows("image~", message) == []


@pytest.mark.thorough
@delivered
@noisy
@pytest.mark.parametrize("after", [True, False])
async def test_an_unfollowed_mail_arrives_with_its_images_whatever_is_killed_on_the_way_f4(
    office: PostOffice, after: bool
) -> None:
    for number in steps(40):
        office.forget_mail()
        message = await office.accepted(office.order(html=HTML, follow=FollowChoice.OFF))
        trouble = Trouble(number, after, Killed)
        async with trouble_in(office, trouble) as theirs:
            workshop = replace(theirs.workshop(), mail=TroubledMail(office.mail.graph, trouble))
            await deliver(workshop, message)
        office.clock.move(seconds=WORD_COMES_BACK_S)
        assert (await office.finish(message)).status is Status.SENT
        (mail,) = office.received()
        assert [file["name"] for file in mail["attachments"]] == ["image1.png", "image2.gif"]
        shown = re.findall(r"cid:([^\"')]+)", mail["html"])
        assert shown == [part.content_id for part in composed(HTML, followed=False).inline]
        assert "data:" not in mail["html"] and PUBLIC_ADDRESS not in mail["html"]
        if not trouble.came:
            return
    raise AssertionError("it makes more calls than any test expects")
