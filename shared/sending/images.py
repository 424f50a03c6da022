"""The images that a body holds itself, and where they go when it is sent (rules T2, F4).

Of a followed message they are stored and linked; in one that is not followed they travel as parts
of the mail. Nothing is stored here: what is to be stored is told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.model import StoredImage
from shared.tracking.image_data import EXTENSIONS, ImageData, content_id, read_data_image

MOST_IMAGES = 200
"""So many images of one message are taken out of its body; further ones stay in it."""

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """An image that the body links. `content` is None where it is stored already."""

    index: int
    image: StoredImage
    content: bytes | None


@dataclass(frozen=True, slots=True)
class InlinePart:
    """An image that travels inside the mail, where the body calls it `cid:{content_id}`."""

    content_id: str
    name: str
    content_type: str
    content: bytes


class LinkedImages:
    """Gives each image of a body an address of ours: the same image the same one.

    `attached` are the images among the message's attachments, by their content ids;
    `address` makes the address of the image of that index and name.
    """

    def __init__(
        self, attached: Mapping[str, StoredImage], address: Callable[[int, str], str]
    ) -> None:
        self._attached = attached
        self._address = address
        self._found: dict[str, LinkedImage] = {}
        self._attached_found: set[str] = set()

    @property
    def found(self) -> tuple[LinkedImage, ...]:
        return tuple(self._found.values())

    @property
    def attached_found(self) -> frozenset[str]:
        """The content ids of the attachments that the body links now."""
        return frozenset(self._attached_found)

    def place(self, address: str) -> str | None:
        """The address under which the image at `address` goes out; None where it stays."""
        data = read_data_image(address)
        image = _stored(data, len(self._found)) if data else self._attachment(address)
        if image is None:
            return None
        linked = self._found.get(image.sha256)
        if linked is None:
            if len(self._found) >= MOST_IMAGES:
                return None
            linked = LinkedImage(len(self._found), image, data.content if data else None)
            self._found[image.sha256] = linked
        if data is None and (name := content_id(address)):
            self._attached_found.add(name)
        return self._address(linked.index, linked.image.name)

    def _attachment(self, address: str) -> StoredImage | None:
        name = content_id(address)
        image = self._attached.get(name) if name else None
        if image is None or image.content_type not in EXTENSIONS:
            return None
        return StoredImage(image.sha256, image.content_type, _plain_name(image))


class InlineParts:
    """Makes each image of a body a part of the mail: the same image the same one."""

    def __init__(self) -> None:
        self._found: dict[str, InlinePart] = {}

    @property
    def found(self) -> tuple[InlinePart, ...]:
        return tuple(self._found.values())

    def place(self, address: str) -> str | None:
        """The `cid:` address of the image at `address`; None where it stays."""
        data = read_data_image(address)
        if data is None:
            return None
        image = _stored(data, len(self._found))
        part = self._found.get(image.sha256)
        if part is None:
            if len(self._found) >= MOST_IMAGES:
                return None
            # By its content, so that every attempt to send says the same.
            name = f"{image.sha256[:32]}@inline"
            part = InlinePart(name, image.name, image.content_type, data.content)
            self._found[image.sha256] = part
        return f"cid:{part.content_id}"


def _stored(data: ImageData, index: int) -> StoredImage:
    name = f"image{index + 1}.{EXTENSIONS[data.content_type]}"
    return StoredImage(hashlib.sha256(data.content).hexdigest(), data.content_type, name)


def _plain_name(image: StoredImage) -> str:
    """The name of an attachment as it can stand in an address without being escaped."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", image.name.rpartition(".")[0] or image.name)
    return f"{stem.strip('-')[:LONGEST_NAME] or 'image'}.{EXTENSIONS[image.content_type]}"
