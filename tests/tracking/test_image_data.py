"""Reading images that stand in a body themselves (rule T2)."""

import base64
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tracking.image_data import (
    EXTENSIONS,
    ImageData,
    content_id,
    image_type,
    read_data_image,
)
from tests.mail.images import AVIF, DATA, GIF, IMAGES, JPEG, PNG, SVG, WEBP, data_uri

CODE = base64.b64encode(PNG).decode()


@pytest.mark.parametrize("content_type", EXTENSIONS)
def test_an_image_of_every_type_is_read_t2(content_type: str) -> None:
    content = IMAGES[content_type]
    assert read_data_image(data_uri(content, content_type)) == ImageData(content, content_type)


@pytest.mark.parametrize(
    "address",
    [
        f"data:image/png;base64,{CODE}",
        f"DATA:Image/PNG;BASE64,{CODE}",
        f" \n data:image/png;base64,{CODE}\r\n",
        f"da\nta:image/png;base\t64,{CODE}",
        "data:image/png;base64," + "\r\n ".join(CODE[n : n + 8] for n in range(0, len(CODE), 8)),
        f"data:image/png;charset=utf-8;name=a.png; base64 ,{CODE}",
        f"data:image/png;base64,{CODE.rstrip('=')}",
        f"data:image/png;base64,{CODE.replace('/', '%2F').replace('=', '%3D')}",
        f"data:image/png;base64,{CODE}#part",
        f"data:image/x-anything;base64,{CODE}",
        "data:image/png," + quote_from_bytes(PNG),
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
    ],
)
def test_it_is_read_as_browsers_read_it_t2(address: str) -> None:
    assert read_data_image(address) == ImageData(PNG, "image/png")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "data:",
        "data:,",
        "data:image/png;base64",
        "data:image/png;base64,",
        f"data:image/png;base64,{CODE}A",
        f"data:image/png;base64,{CODE[:-6]}*{CODE[-6:]}",
        f"data:image/png;base64,{CODE[:-3]}=={CODE[-3:]}",
        f"data:image/png;base64,{CODE}====",
        f"data:image/png;base64,{CODE[:20]}_{CODE[21:]}",
        f"data:image/png;base64,{CODE}é",
        f"data:image/png,{CODE}",
        f"data:text/html;base64,{CODE}",
        f"data:;base64,{CODE}",
        data_uri(b"GIF88a"),
        data_uri(b"<script>alert(1)</script>"),
        data_uri(SVG, "image/svg+xml"),
        "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'/>",
        "https://example.com/a.png",
        f"xdata:image/png;base64,{CODE}",
        "cid:a",
    ],
)
def test_what_is_broken_or_no_image_of_ours_is_none_t2(address: str) -> None:
    assert read_data_image(address) is None


@given(st.sampled_from(sorted(IMAGES)), st.booleans(), st.binary(max_size=50))
def test_whatever_an_image_holds_comes_out_of_its_address_t2(
    content_type: str, base64_form: bool, more: bytes
) -> None:
    content = IMAGES[content_type] + more
    address = f"data:image/png,{quote_from_bytes(content)}"
    read = read_data_image(data_uri(content) if base64_form else address)
    assert read == ImageData(content, content_type)


@given(st.text() | st.text().map("data:image/png;base64,{}".format))
def test_no_address_is_too_strange(address: str) -> None:
    read = read_data_image(address)
    assert read is None or read.content_type in EXTENSIONS


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x89PNG", PNG[1:], b"\xff\xd8", b"BN", b"RIFF\0\0\0\0WAVEfmt", WEBP[1:], SVG),
        *(AVIF[4:], AVIF.replace(b"avif", b"heic"), b"\0\0\0\x18ftypisom\0\0\0\0isomavi_mp41"),
        # `avif` where the version of the brand stands, and after the end of the box
        *(b"\0\0\0\x14ftypisomavifisom", b"\0\0\0\x14ftypisom\0\0\0\0isomavif"),
    ],
)
def test_bytes_that_only_resemble_an_image_are_none(content: bytes) -> None:
    assert image_type(content) is None


def test_an_image_may_begin_with_any_brand_of_avif() -> None:
    assert image_type(b"\0\0\0\x14ftypavis\0\0\0\0mif1") == "image/avif"
    assert image_type(JPEG) == "image/jpeg"
    assert image_type(GIF.replace(b"87a", b"89a")) == "image/gif"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("cid:logo@contoso.com", "logo@contoso.com"),
        (" CID:a%20b%40c\n", "a b@c"),
        ("cid:", None),
        ("acid:x", None),
        ("x", None),
        (DATA, None),
    ],
)
def test_a_cid_address_names_a_part_of_the_mail(address: str, name: str | None) -> None:
    assert content_id(address) == name
