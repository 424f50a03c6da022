"""Images that stand in a body themselves, as `data:` addresses, and what kind an image is.

What an image is, its own first bytes say, never what it is called: we serve these from our own
address. SVG is none of them, because it is a document that can hold scripts (decision 12).
"""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/avif": "avif",
}
"""The types of images that are stored and served, with what their names end in."""

_BASE64 = re.compile(r";[ ]*base64$", re.IGNORECASE)
_AROUND = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_SPACES = str.maketrans("", "", " \f")


@dataclass(frozen=True, slots=True)
class ImageData:
    """The bytes of an image and its type, one of `EXTENSIONS`."""

    content: bytes
    content_type: str


def image_type(content: bytes) -> str | None:
    """What these bytes begin as (WHATWG MIME Sniffing 6.1); None: no image that we serve."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:14] == b"WEBPVP":
        return "image/webp"
    if content.startswith(b"BM"):
        return "image/bmp"
    return "image/avif" if _is_avif(content) else None


def read_data_image(address: str) -> ImageData | None:
    """The image of a `data:` address as browsers read it (Fetch, "data: URL processor").

    None where it is none: another scheme, broken base64, a type that is not `image/…`, or bytes
    that are no image we serve.
    """
    scheme, _, rest = _plain(address).partition(":")
    described, comma, data = rest.partition("#")[0].partition(",")
    if scheme.lower() != "data" or not comma or not described.lower().startswith("image/"):
        return None
    content = unquote_to_bytes(data)
    if _BASE64.search(described.rstrip(" ")):
        decoded = _decoded(content)
        if decoded is None:
            return None
        content = decoded
    found = image_type(content)
    return ImageData(content, found) if found else None


def content_id(address: str) -> str | None:
    """The part of the mail that a `cid:` address (RFC 2392) stands for; None: another scheme."""
    scheme, _, rest = _plain(address).partition(":")
    return unquote(rest) if scheme.lower() == "cid" and rest else None


def _plain(address: str) -> str:
    """As URLs are read: without white space around it, and without line ends inside."""
    return address.strip(_AROUND).translate(_DROPPED)


def _decoded(content: bytes) -> bytes | None:
    """Base64 as browsers forgive it: spaces anywhere, padding or none."""
    try:
        text = content.decode("ascii").translate(_DROPPED).translate(_SPACES)
        if len(text) % 4 == 0:
            text = text.removesuffix("=").removesuffix("=")
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (UnicodeDecodeError, binascii.Error):
        return None


def _is_avif(content: bytes) -> bool:
    length = int.from_bytes(content[:4], "big")
    brands = content[8 : min(length, 4096)]
    names = {brands[start : start + 4] for start in range(0, len(brands), 4) if start != 4}
    return content[4:8] == b"ftyp" and bool(names & {b"avif", b"avis"})
