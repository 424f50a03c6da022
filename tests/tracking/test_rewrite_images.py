"""Rule T2: where images of a body's own are found, and that nothing else of it changes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from justhtml import JustHTML

from shared.tracking.rewrite import rewrite, without_ours
from tests.mail.followed import OUR_PIXEL, PIXEL_ADDRESS, SITE, without_pixel
from tests.mail.images import DATA
from tests.tracking.test_rewrite_properties import broken_bodies, several

STORED = f"{SITE.address}/i/T/x.png"


def placed(address: str) -> str | None:
    return STORED if address.strip() in ("data:x", "data:,(x)", "cid:x@y", DATA) else None


def linked(html: str) -> str:
    done = rewrite(html, redirect=SITE.redirect, own=SITE.own, pixel=PIXEL_ADDRESS, placed=placed)
    return without_pixel(done.html)


PLACES = [
    ("src", '<img src="[data:x]">'),
    ("single quotes", "<IMG alt='' SRC = '[data:x]' />"),
    ("no quotes", "<img src=[data:x]>"),
    ("no quotes, and more", "<img src=[cid:x@y] alt=x>"),
    ("spaces around", '<img src="[ data:x\r\n]">'),
    ("character references", '<img src="[&#100;ata&colon;x]">'),
    ("a real image", f'<img src="[{DATA}]">'),
    ("an image as a button", '<input type="image" src="[data:x]">'),
    ("several at once", '<img src="[data:x]"><p><img src="[cid:x@y]"><img src="b.png">'),
    ("after Windows line ends", '\r\n<p>é😀\r\n</p>\r\n<img\r\nsrc="[data:x]"\r\n>'),
    ("the first of two", '<img src="[data:x]" src="data:x">'),
    ("background", '<body background="[data:x]"><table><tr><td BACKGROUND=[data:x]>'),
    ("one in srcset", '<img srcset="[data:x]">'),
    ("some in srcset", '<img srcset="[data:x] 1x, b.png 2x,[data:,(x)]  3x">'),
    ("srcset without descriptors", '<img srcset=" , [data:x], [data:x],, b.png">'),
    ("a comma inside brackets", '<img srcset="b.png f(1,data:x 2x), [data:x]">'),
    ("references in srcset", '<img srcset="b?a=1&copy=2 1x, [data&#58;x] 2x&#44; [data:x]">'),
    ("sources", '<picture><source srcset="[data:x] 2x"><img src="[data:x]"></picture>'),
    ("a style", '<p style="color:red;background:url([data:x]) no-repeat">'),
    ("a style with quotes", """<p style="background-image:URL( '[data:x]' )">"""),
    ("a style with references", '<p style="background:url(&quot;[data:x]&quot;)">'),
    ("references before it", "<p style='--a:&quot;&amp;&copy;&lt;\";b:url([data:x])'>"),
    ("no reference before it", "<p style='--a:&copyb;background:url([data:x])'>"),
    ("escapes", r"<p style='background:url([\64 ata:\78])'>"),
    ("several in a style", "<p style='background:url([data:x]),url(b.png),url([cid:x@y])'>"),
    ("a style that ends early", "<p style='background:url([data:x]'>"),
    ("a style without quotes", "<p style=background:url([data:x])>"),
    ("a style sheet", '<style>\r\na{b:url([data:x])}\r\n@import url("[data:x]");</style>'),
    ("after a comment", "<style>/* url(data:x) ' */a{b:url([data:x])}</style>"),
    (
        "after a string",
        "<style>a{c:'url(data:x)';b:url([data:x]);d:\"\\\"url(data:x)\"}</style>",
    ),
    ("after a bad string", "<style>a{c:'url(\n}b{c:url([data:x])}</style>"),
    ("a style sheet for phones", "<style>@media screen{a{b:url([data:x])}}</style>"),
    (
        "Outlook's shapes",
        "<!--[if gte mso 9]><v:rect><v:fill type='frame' src='[data:x]'/></v:rect><![endif]-->",
    ),
    (
        "Outlook's pictures",
        "<!--[if vml]><V:ImageData src=[cid:x@y] o:title=''/><![endif]-->"
        "<v:imagedata src='[data:x]'/>",
    ),
    (
        "styles for Outlook",
        "<!--[if mso]><style>a{b:url([data:x])}</style>"
        "<p style='b:url([data:x])' background='[data:x]'><![endif]-->",
    ),
    ("what Outlook is not shown", "<!--[if !mso]><!--><img src='[data:x]'><!--<![endif]-->"),
    ("in a link", "<p><a href='mailto:a@b.c'><img src='[data:x]'></a>"),
]  # fmt: skip


@pytest.mark.parametrize("written", [pytest.param(written, id=name) for name, written in PLACES])
def test_an_image_is_found_wherever_mail_has_them_t2(written: str) -> None:
    """What stands in brackets is replaced, and nothing else."""
    before = re.sub(r"\[(?!if|endif)([^\]]*)\]", r"\1", written)
    after = re.sub(r"\[(?!if|endif)[^\]]*\]", STORED, written)
    assert before != after
    assert linked(before) == after


LEFT = [
    "<img src='https://example.com/data:x'><img src=''><img src><img alt='data:x'>",
    "<a href='data:x'>x</a><iframe src='data:x'></iframe><script src='data:x'></script>",
    "<video poster='data:x'></video><embed src='data:x'><link href='data:x'>",
    "<p>data:x url(data:x)</p><p title='url(data:x)'>",
    "<!-- <img src='data:x'> --><!--[if mso]><img src='data:x'> -->",
    "<script>'<img src=\"data:x\">'</script><textarea><img src='data:x'></textarea>",
    "<template><img src='data:x'></template><xmp><img src='data:x'></xmp>",
    "<p style='b:xurl(data:x);c:-url(data:x);d:url (data:x);e:\"url(data:x)\"'>",
    "<p style='b:url(data: x);c:url(data:\"x);d:url(data:(x)'>",
    "<p style='/* url(data:x)'><p style='b:\"url(data:x)'>",
    "<style>a{b:url(data:x",
    "<svg><style>a{b:url(data:x)}</style></svg>",
    "<img srcset='data:,x 1x, https://example.com/ data:x'>",
    f"<img src='{STORED}'><p style='b:url({STORED})'>",
    "<p style='b:&#1;url(data:x)'>",
]


@pytest.mark.parametrize("html", LEFT)
def test_what_is_no_image_of_the_body_is_left_as_it_is_t2(html: str) -> None:
    assert linked(f"<p>x</p>{html}") == f"<p>x</p>{html}"


def test_links_around_images_are_followed_t3() -> None:
    html = '<a href="https://e.com/" style="b:url(data:x)"><img src="data:x"></a>'
    redirect = SITE.redirect(0, "https://e.com/")
    assert linked(html) == (
        f'<a href="{redirect}" style="b:url({STORED})"><img src="{STORED}"></a>'
    )


def test_our_pixel_in_quoted_text_goes_with_all_it_holds_t3() -> None:
    assert linked(f"a<img src='{OUR_PIXEL}' style='b:url(data:x)'>b") == "ab"


def test_of_a_body_that_is_not_followed_images_become_parts_of_the_mail_f4() -> None:
    html = "<p style='b:url(data:x)'><a href='https://e.com/'><img src=data:x></a>"
    done = without_ours(html, own=SITE.own, placed=lambda address: "cid:a1@inline")
    assert done == html.replace("data:x", "cid:a1@inline")


def test_an_address_that_would_need_quotes_is_refused() -> None:
    for address in ("a b", "a'b", 'a"b', "a)b", "a&b", "a-", ""):
        with pytest.raises(ValueError, match="quotes"):
            without_ours("<img src=data:x>", own=SITE.own, placed={"data:x": address}.get)


# Bodies that nobody thought of; another parser says what stands in them.

spelled = st.sampled_from(["data:x", "data&#58;x", "&#100;ata:x", "cid:x@y"])
quotes = st.sampled_from(["'", '"'])


@st.composite
def images(draw: st.DrawFn) -> str:
    address, quote = draw(spelled), draw(quotes)
    other = {"'": "&#39;", '"': "&quot;"}[quote]
    value = draw(
        st.sampled_from(
            [
                f"src={quote}{address}{quote}",
                f"SRC = {address} ",
                f"background={quote}{address}{quote}",
                f"srcset={quote}{address} 1x, https://e.com/a.png 2x, {address}{quote}",
                f"style={quote}a:url({address});b:url({other}{address}{other}){quote}",
                f"style={quote}a:{other}url({address}){other};b:url( {address} ){quote}",
                f"alt={quote}{address}{quote}",
            ]
        )
    )
    tag = draw(st.sampled_from(["img", "IMG", "v:fill", "V:imagedata", "table", "td", "p"]))
    sheet = draw(st.sampled_from(["", "", "<style>a{b:url(data:x)}</style>", "<style>/*</style>"]))
    html = f"<{tag} {value}>{sheet}"
    return draw(st.sampled_from([html, html, f"<!--[if mso]>{html}<![endif]-->"]))


def addresses_seen(html: str) -> list[str]:
    """All values that may hold images, as another parser reads them."""
    return list(_values(html))


def _values(html: str) -> Iterator[str]:
    document = JustHTML(html, sanitize=False, scripting_enabled=False)
    for node in _nodes(document.root):
        if node.name == "#comment":
            inside = re.fullmatch(r"(?is)\[if\b[^\]]*\]>(.*)<!\[endif\]", node.data)
            if inside:
                yield from _values(inside[1])
        elif node.name == "#text" and node.parent is not None and node.parent.name == "style":
            yield re.sub(r"/\*.*", "", node.data or "", flags=re.DOTALL)
        for name, value in (getattr(node, "attrs", None) or {}).items():
            is_image = node.name == "img" or node.name.startswith("v:")
            if name in ("background", "style") or (is_image and name in ("src", "srcset")):
                yield f"{name}={value}" if name != "srcset" or node.name == "img" else ""


def _nodes(root: Any) -> Iterator[Any]:
    yield root
    for child in getattr(root, "children", None) or ():
        yield from _nodes(child)


def expected(value: str) -> str:
    kept = re.split(r"('[^']*'|\"[^\"]*\")", value) if value.startswith("style=a:'url") else [value]
    kept = re.split(r"(\"url[^\"]*\")", value) if value.startswith('style=a:"url') else kept
    return "".join(
        part if part[1:4] == "url" else re.sub("data:x|cid:x@y", STORED, part) for part in kept
    )


@settings(max_examples=300, deadline=None)
@given(several(images() | st.sampled_from(["<p>", "</p>", "x\r\n", "é😀", "</td>", "<br>"])))
def test_of_any_body_every_image_of_its_own_is_linked_t2(html: str) -> None:
    before, after = addresses_seen(html), addresses_seen(linked(html))
    assert after == [expected(value) for value in before]


@settings(max_examples=300, deadline=None)
@given(several(images() | broken_bodies, 6))
def test_of_any_broken_body_every_other_byte_stays_t2(html: str) -> None:
    done = without_ours(html, own=SITE.own, placed=placed)
    pattern = "(?:data:x|data&#58;x|&#100;ata:x|cid:x@y)".join(
        re.escape(part) for part in done.split(STORED)
    )
    assert re.fullmatch(pattern, html)


@pytest.mark.parametrize(
    "html",
    [
        "<p style='" + "url(" * 100_000 + "'>",
        "<p style='" + "url( " * 100_000 + "'>",
        "<p style='" + 'url("' * 100_000 + "'>",
        "<p style='" + "/*" * 100_000 + "'>",
        "<p style='url(" + " " * 200_000 + "'>",
        "<p style='" + "&amp" * 100_000 + "url(data:x)'>",
        "<img srcset='" + "," * 300_000 + "'>",
        "<img srcset='" + "a (" * 100_000 + "'>",
        "<style>" + "url(\\" * 50_000 + "</style>",
        "<p style='a:url(data:x)'>" * 5_000,
    ],
    ids=lambda html: html[:20],
)
@pytest.mark.timeout(30)  # quadratic ways take minutes
def test_hostile_repetition_does_not_take_forever(html: str) -> None:
    linked(html)
