"""Rule T3 for bodies that nobody thought of.

Another parser says what the links of a body are, before and after; it shares no code with the one
that the product uses.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from justhtml import JustHTML

from shared.tracking.destinations import destination
from shared.tracking.rewrite import Rewritten, without_ours
from tests.mail.followed import OUR_PIXEL, SITE, followed, without_pixel
from tests.mail.hard_cases import ELSEWHERE, NO_LINKS, WRITTEN

FIXTURES = sorted((Path(__file__).parent.parent / "mail").glob("*.html"))

# Addresses, and the ways to write them down.

characters = st.sampled_from(
    [*"abzAZ019/?#&=%.:-_~+;,!*'\"() <>|{}", "é", "日", "😀", "&copy", "&lt"]
)
addresses = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTPS://", " https:\n//", "http:\\\\", "http:"]),
    st.sampled_from(["e.com", "E.Com:8080", "münchen.de", "u:p@e.com", "[::1]", "例え.jp"]),
    st.sampled_from(["", "/", "?", "#", "/?u=https://f.com/&copy=1&"]),
    st.lists(characters, max_size=8).map("".join),
)
no_addresses = st.sampled_from(
    ["", "#a", "mailto:a@b.c", "//e.com", "a.html", "javascript:x", "http://"]
)


@st.composite
def attributes(draw: st.DrawFn, value: str) -> str:
    """`href` with this value, in one of the ways that HTML reads as the same."""
    quote = draw(st.sampled_from(['"', "'", ""]))
    if not quote and (not value or value[0] in "\"'"):
        quote = '"'
    unsafe = {'"': '"', "'": "'", "": " \t\n\f>"}[quote]

    def written(position: int) -> str:
        character = value[position]
        # An ampersand may stand as it is where no letter, digit or # can make it a reference.
        alone = value[position + 1 : position + 2] in ("", "&", "=", " ", "/")
        if character in unsafe or (character == "&" and not alone) or draw(st.integers(0, 9)) == 0:
            return draw(st.sampled_from([f"&#{ord(character)};", f"&#X{ord(character):x};"]))
        return character

    name = draw(st.sampled_from(["href", "HREF", "Href"]))
    equals = draw(st.sampled_from(["=", " = ", "\r\n=", "=\t"]))
    return f"{name}{equals}{quote}{''.join(written(i) for i in range(len(value)))}{quote}"


@st.composite
def links(draw: st.DrawFn) -> str:
    tag = draw(st.sampled_from(["a", "A", "area", "v:roundrect", "V:Rect"]))
    more = [
        draw(
            st.sampled_from(["", "id=x", "title='<a href=y>'", 'class="é"', "data-follow=on", "/"])
        ),
        draw(attributes(draw(addresses | no_addresses))),
        draw(st.sampled_from(["", "style='color:red'", "href='https://second.com/'", "nowrap"])),
    ]
    space = draw(st.sampled_from([" ", "\r\n", "\t\n "]))
    text = draw(st.sampled_from(["x", "<b>y</b>", "<img alt=z>", "é😀\r\n", ""]))
    return f"<{tag}{space}{space.join(part for part in more if part)}{space}>{text}</{tag}>"


scraps = st.sampled_from(
    [
        *("<p>", "</p>", "<table>", "<tr>", "<td>", "</td>", "</table>", "<b>", "</b>", "<div>"),
        *("</div>", "<br/>", "<ul><li>", "</ul>", "<center>", "<o:p>&nbsp;</o:p>", "</a>", "\r\n"),
        *("Text é 😀 &amp; &copy", "1 < 2", "a&b", "\n", "\r", "<!-- note -->", "<!---->", "<!-->"),
        *("<![if !mso]>", "<![endif]>", "<!--[if !mso]><!-->", "<!--<![endif]-->", "<?xml:ns?>"),
        *("<style>a{}</style>", "<title>t</title>", "<script>'<a href=https://no.com>'</script>"),
        *("<textarea><a href=https://no.com></textarea>", "<svg>", "</svg>", "<html>", "</html>"),
        *("<body class=c>", "</body>", "<head>", "</head>", "<noscript>", "</noscript>", "</br>"),
        *("<form>", "</form>", "<button>", "<h1>", "<pre>\r\n", "<template>", "</template>"),
    ]
)
rubble = scraps | st.sampled_from(
    [
        *(
            "<",
            ">",
            "</",
            "<a",
            "<a ",
            "<a href=",
            "<a href='",
            '"',
            "'",
            "=",
            "<!--",
            "-->",
            "--!>",
        ),
        *(
            "<!--[if mso]>",
            "<![endif]-->",
            "<!--[if",
            "]>",
            "<![endif]",
            "<script>",
            "<style>",
            "&",
        ),
        *(
            "<!",
            "<?",
            "</a",
            "<textarea>",
            "<title>",
            "<![CDATA[",
            "]]>",
            "<xmp>",
            "<img src=",
            "\x00",
        ),
    ]
)


def conditional(content: str) -> str:
    return f"<!--[if mso]>{content}<![endif]-->"


def several(parts: st.SearchStrategy[str], size: int = 8) -> st.SearchStrategy[str]:
    return st.lists(parts, max_size=size).map("".join)


outlook = several(links() | st.sampled_from(["<table>", "<tr><td>", "</td>", "x", "\r\n"]), 4)
bodies = several(links() | scraps | outlook.map(conditional))
broken_bodies = several(links() | rubble | outlook.map(conditional), 14)


# What the other parser sees.


def links_seen(html: str) -> list[str]:
    return list(_hrefs(html))


def _hrefs(html: str) -> Iterator[str]:
    document = JustHTML(html, sanitize=False, track_node_locations=True, scripting_enabled=False)
    for node in _nodes(document.root):
        if node.name == "#comment":
            conditional = re.fullmatch(r"(?is)\[if\b[^\]]*\]>(.*)<!\[endif\]", node.data)
            if conditional and _is_closed(html, node):
                yield from _hrefs(conditional[1])
        elif _is_link(node) and node.attrs.get("href"):
            yield node.attrs["href"]


def _is_link(node: Any) -> bool:
    area = node.name == "area" and node.namespace == "html"  # in a drawing it means nothing
    return bool(area or node.name == "a" or node.name.startswith("v:"))


def _is_closed(html: str, comment: Any) -> bool:
    """Whether it is a comment that ends with `-->`, all written down as it is read."""
    return html.replace("\r\n", "\n").replace("\r", "\n").count(f"<!--{comment.data}-->") > 0


def _nodes(root: Any) -> Iterator[Any]:
    yield root
    for child in getattr(root, "children", None) or ():
        yield from _nodes(child)


def assert_only_links_to_the_web_changed(html: str, done: Rewritten) -> None:
    redirects = {link.index: link.url for link in done.links if link.index is not None}
    used = set()
    for before, after in zip(links_seen(html), links_seen(without_pixel(done.html)), strict=True):
        if after != before:
            index = int(after.removeprefix(f"{SITE.address}/r/L").partition("-")[0])
            assert destination(before) == redirects[index]
            assert after == SITE.redirect(index, redirects[index])
            used.add(index)
        else:
            assert destination(before) is None
    assert used == set(redirects)
    assert sorted(redirects) == list(range(len(redirects)))


def assert_every_other_byte_stayed(html: str, done: Rewritten) -> None:
    kept = without_pixel(done.html)
    pattern = ""
    for link in done.links:
        if link.index is not None:
            before, found, kept = kept.partition(SITE.redirect(link.index, link.url))
            assert found
            pattern += re.escape(before) + "(?s:.*?)"
    assert re.fullmatch(pattern + re.escape(kept), html)


@settings(max_examples=300, deadline=None)
@given(bodies)
def test_of_any_body_only_the_links_to_the_web_change(html: str) -> None:
    done = followed(html)
    assert_only_links_to_the_web_changed(html, done)
    assert_every_other_byte_stayed(html, done)


@settings(max_examples=300, deadline=None)
@given(broken_bodies)
def test_of_any_broken_body_only_the_links_to_the_web_change(html: str) -> None:
    done = followed(html)
    assert_only_links_to_the_web_changed(html, done)
    assert_every_other_byte_stayed(html, done)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_of_real_mail_only_the_links_to_the_web_change(path: Path) -> None:
    html = path.read_bytes().decode()
    # What quoted text brings of ours is put back or taken out, which other tests look at.
    html = html.replace(SITE.address, "https://elsewhere.example").replace("data-follow", "data-f")
    done = followed(html)
    assert_only_links_to_the_web_changed(html, done)
    assert_every_other_byte_stayed(html, done)


@settings(max_examples=200, deadline=None)
@given(st.text() | several(st.text(max_size=4) | rubble, 20))
@example("\x00<!--[if mso]>\x00<a href=https://e.com/><![endif]-->")
@example("<a href='https://e.com/\ud800'>")
def test_no_text_is_too_strange(text: str) -> None:
    done = followed(text)
    assert_every_other_byte_stayed(text, done)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_a_quoted_message_loses_what_was_followed(html: str) -> None:
    """A reply quotes what we sent: its links lead where the seller meant again, unfollowed."""
    sent = followed(html)
    quoted = sent.html.replace("/o/new.gif", "/o/quoted.gif")
    again = followed(quoted)
    assert again.links == ()
    assert OUR_PIXEL not in again.html
    before = [destination(href) or href for href in links_seen(html)]
    assert links_seen(without_pixel(again.html)) == before


@settings(max_examples=200, deadline=None)
@given(broken_bodies)
def test_of_a_body_that_is_not_followed_every_byte_stays_f4(html: str) -> None:
    assert without_ours(html, own=SITE.own) == html


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_a_quoted_message_in_one_that_is_not_followed_leads_nowhere_through_us_f4(
    html: str,
) -> None:
    quoted = followed(html).html.replace("/o/new.gif", "/o/quoted.gif")
    plain = without_ours(quoted, own=SITE.own)
    assert SITE.address not in plain
    before = [destination(href) or href for href in links_seen(html)]
    assert links_seen(plain) == before


@pytest.mark.parametrize(
    "html", [case.before for case in WRITTEN + ELSEWHERE] + [html for _, html in NO_LINKS]
)
def test_of_every_hard_case_all_other_bytes_stay(html: str) -> None:
    assert_every_other_byte_stayed(html, followed(html))
