"""Stored images as recipients meet them, through a real host (rules T2, T8, A1)."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from shared.messages.images import store_image
from shared.messages.rows import TABLE, image_key, image_to_row
from shared.model import EventKind, StoredImage
from shared.organizations import Organization
from shared.tracking.tokens import Addresses, Signer, Target
from tests.mail.images import GIF, PNG
from tests.running_storage import MovableClock
from tests.tracking.followed_messages import PROGRAM, followed_message
from tests.tracking.served.service import OLD_SIGNER, SIGNER, WITHDRAWN_SIGNER, Service

pytestmark = pytest.mark.processes

SOMEWHERE = "0" * 32


async def with_images(organization: Organization, clock: MovableClock, *images: bytes) -> str:
    """A message that was sent with these images, of which the first is a PNG."""
    message = await followed_message(organization, clock())
    for index, content in enumerate(images):
        sha256 = hashlib.sha256(content).hexdigest()
        image = StoredImage(sha256, "image/gif" if index else "image/png", "image.png")
        await store_image(organization, sha256, content)
        await organization.tables.insert(TABLE, image_to_row(message, 0, index, image))
    return message


def path(
    organization: str, message: str, index: int = 0, *, signer: Signer = SIGNER, copy: int = 0
) -> str:
    return Addresses(signer, "").image(Target(organization, message, copy, index), "image1.png")


@pytest.fixture
async def message(contoso: Organization, clock: MovableClock) -> str:
    """A message of Contoso with two images."""
    return await with_images(contoso, clock, PNG, GIF)


def assert_none(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.content) == (status, b"")
    assert "no-store" in answer.headers["cache-control"]


async def test_an_image_comes_with_its_type_and_can_do_nothing_but_be_shown_t2(
    service: Service, message: str
) -> None:
    for index, content, content_type in ((0, PNG, "image/png"), (1, GIF, "image/gif")):
        answer = service.get(path("contoso", message, index))
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == content_type
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "no-store" in answer.headers["cache-control"]
        assert "etag" not in answer.headers and "set-cookie" not in answer.headers


async def test_the_name_in_the_address_does_not_matter_t2(service: Service, message: str) -> None:
    address = path("contoso", message)
    for name in ("x.html", "x.svg", "%E6%9D%8E", "a%20b"):
        answer = service.get(f"{address.rpartition('/')[0]}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


async def test_every_get_of_an_image_is_recorded_with_what_asked_for_it_t8(
    service: Service, contoso: Organization, message: str
) -> None:
    service.get(path("contoso", message, 1))
    service.get(path("contoso", message, 1), **{"User-Agent": PROGRAM})
    events = await service.events(contoso, message, 2)
    assert {(event.kind, event.image, event.link) for event in events} == {
        (EventKind.IMAGE, 1, None)
    }
    assert {(event.client, event.automated) for event in events} == {
        ("Thunderbird", False),
        (None, True),
    }


async def test_a_head_request_is_answered_and_recorded_as_a_machines_t8(
    service: Service, contoso: Organization, message: str
) -> None:
    answer = service.client.head(path("contoso", message))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "image/png"
    (event,) = await service.events(contoso, message, 1)
    assert event.automated and "headRequest" in event.reasons


async def test_an_image_sent_with_an_older_key_is_shown_t4(service: Service, message: str) -> None:
    assert service.get(path("contoso", message, signer=OLD_SIGNER)).content == PNG


async def test_a_bad_token_finds_nothing_and_is_recorded_nowhere(
    service: Service, contoso: Organization, message: str
) -> None:
    address = path("contoso", message)
    token = address.split("/")[2]
    pixel = service.pixel("contoso", message).removeprefix("/o/").removesuffix(".gif")
    for bad in ("x", token[:-1], token + "A", token.swapcase(), pixel, "%C3%A9", "'"):
        assert_none(service.get(f"/i/{bad}/image1.png"), 404)
    assert_none(service.get(path("contoso", message, signer=WITHDRAWN_SIGNER)), 404)
    assert_none(service.get(path("contoso", message, signer=Signer({"k2": b"x" * 32}))), 404)
    await service.assert_nothing_recorded(contoso, message)


async def test_an_image_that_was_deleted_is_not_found_t2(
    service: Service, contoso: Organization, message: str, clock: MovableClock
) -> None:
    await contoso.tables.delete(TABLE, message, image_key(0, 0))
    assert_none(service.get(path("contoso", message, 0)), 404)
    alone = await with_images(contoso, clock, PNG + b"alone")
    sha256 = hashlib.sha256(PNG + b"alone").hexdigest()
    assert service.get(path("contoso", alone)).status_code == 200
    await contoso.blobs.delete("content", f"images/{sha256}")
    assert_none(service.get(path("contoso", alone)), 404)
    for other in (path("contoso", SOMEWHERE), path("contoso", message, 9)):
        assert_none(service.get(other), 404)
    assert_none(service.get(path("contoso", message, copy=1)), 404)


async def test_with_its_storage_away_an_image_may_be_asked_for_later_and_the_hit_is_safe_t2(
    service: Service,
) -> None:
    before = await service.waiting("northwind")
    answer = service.get(path("northwind", SOMEWHERE))
    assert_none(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert len(await service.waiting("northwind") - before) == 1


async def test_images_of_an_organization_need_its_own_tokens_a1(
    service: Service, fabrikam: Organization, message: str, clock: MovableClock
) -> None:
    other = await with_images(fabrikam, clock, GIF)
    assert_none(service.get(path("fabrikam", message)), 404)
    assert_none(service.get(path("contoso", other)), 404)
    assert_none(service.get(path("adatum", message)), 404)
    assert service.get(path("fabrikam", other)).content == GIF


async def test_other_methods_find_nothing(service: Service, message: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert service.client.request(method, path("contoso", message)).status_code == 404
