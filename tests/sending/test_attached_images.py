"""Images among the attachments that a body shows: linked where it is followed (T2, F4)."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import pytest

from shared.attachments.staging import GivenFiles
from shared.messages.images import load_image
from shared.model import Attachment, FollowChoice, Status
from shared.sending.accept import Order
from shared.tracking.tokens import Kind, Sound
from tests.mail.images import GIF, JPEG, PNG, SVG
from tests.sending.mortality import Killed, Trouble, TroubledMail
from tests.sending.post_office import PUBLIC_ADDRESS, SIGNER, WORD_COMES_BACK_S, PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

HTML = '<img src="cid:logo"><p style="background:url(cid:photo@x)"><img src="CID:drawing">'
CONTENTS = {1: PNG, 2: GIF, 3: SVG, 4: JPEG, 5: b"%PDF"}
FILES = (
    # What it is called says nothing: its bytes do.
    Attachment(1, "Logo (1).bin", "application/octet-stream", len(PNG), content_id="logo"),
    Attachment(2, "photo.gif", "image/gif", len(GIF), content_id="photo@x"),
    Attachment(3, "drawing.png", "image/png", len(SVG), content_id="drawing"),
    Attachment(4, "unused.jpg", "image/jpeg", len(JPEG), content_id="unused"),
    Attachment(5, "offer.pdf", "application/pdf", 4),
)
NAMES = [one.name for one in FILES]


def order(office: PostOffice, choice: FollowChoice = FollowChoice.PREFERRED) -> Order:
    made = office.order(html=HTML, attachments=FILES, follow=choice)
    return replace(made, files=GivenFiles(FILES, CONTENTS))


async def arrived(office: PostOffice, message: str) -> None:
    """The mail shows its images by address, and carries what else there is."""
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert [one["name"] for one in mail["attachments"]] == NAMES[2:]
    assert re.findall("cid:[a-z@]+", mail["html"], re.IGNORECASE) == ["CID:drawing"]
    shown = []
    for token, name in re.findall(rf"{PUBLIC_ADDRESS}/i/([^/]+)/([^\")]+)", mail["html"]):
        verdict = SIGNER.verify(Kind.IMAGE, token)
        assert isinstance(verdict, Sound)
        target = verdict.target
        loaded = await load_image(office.organization, target.message, target.copy, target.index)
        assert loaded is not None
        shown.append((name, loaded[0].content_type, loaded[1]))
    assert shown == [("Logo-1.png", "image/png", PNG), ("photo.gif", "image/gif", GIF)]


async def test_an_attached_image_that_the_body_shows_is_linked_and_does_not_travel_t2(
    office: PostOffice,
) -> None:
    await arrived(office, await office.accepted(order(office)))


async def test_what_is_not_followed_carries_its_images_f4(office: PostOffice) -> None:
    message = await office.accepted(order(office, FollowChoice.OFF))
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert mail["html"] == HTML
    assert sorted(one["name"] for one in mail["attachments"]) == sorted(NAMES)


async def test_killed_at_any_request_to_graph_an_image_is_either_linked_or_travels_t2(
    office: PostOffice,
) -> None:
    for number in range(1, 20):
        office.forget_mail()
        message, trouble = await office.accepted(order(office)), Trouble(number, after=True)
        with suppress(Killed):
            await office.deliver(message, TroubledMail(office.mail.graph, trouble))
        office.clock.move(seconds=WORD_COMES_BACK_S)
        await arrived(office, message)
        if not trouble.came:
            return
    raise AssertionError("it makes more calls than any test expects")
