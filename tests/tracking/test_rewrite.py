"""Rule T3: what changes in a followed body, and that nothing else does."""

import re
from pathlib import Path

import pytest

from shared.tracking.rewrite import FoundLink, Rewritten, without_ours
from tests.mail.followed import OUR_PIXEL, PIXEL, SITE, followed, without_pixel
from tests.mail.hard_cases import ADDRESSES, ELSEWHERE, LEFT, NO_LINKS, WRITTEN, Case, case

MAIL = Path(__file__).parent.parent / "mail"


def assert_rewritten_as(case: Case) -> None:
    done = followed(case.before)
    expected = case.after
    for index, url in enumerate(case.urls):
        expected = expected.replace(f"[{index}]", SITE.redirect(index, url))
    assert without_pixel(done.html) == expected
    assert [link.url for link in done.links if link.index is not None] == list(case.urls)


@pytest.mark.parametrize("case", WRITTEN + ELSEWHERE, ids=lambda case: case.name)
def test_a_link_is_followed_however_it_is_written(case: Case) -> None:
    assert_rewritten_as(case)


@pytest.mark.parametrize(
    ("written", "url"),
    [pytest.param(written, url or written, id=name) for name, written, url in ADDRESSES],
)
def test_a_link_leads_to_the_address_that_a_browser_requests(written: str, url: str) -> None:
    assert_rewritten_as(case("", f'<a href="{written}">x</a>', '<a href="[0]">x</a>', url))


@pytest.mark.parametrize("href", [pytest.param(href, id=name) for name, href in LEFT])
def test_what_does_not_lead_to_the_web_is_left_as_it_is(href: str) -> None:
    assert_rewritten_as(case("", f'<p><a href="{href}">x</a><a href>y</a><a>z</a>'))


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in NO_LINKS])
def test_what_is_no_link_is_left_as_it_is(html: str) -> None:
    done = followed(f"<p>y</p>{html}")
    assert done.links == ()
    assert without_pixel(done.html) == f"<p>y</p>{html}"


# The message's details


def test_a_redirect_over_3500_characters_is_left_and_named() -> None:
    room = 3_500 - len(SITE.redirect(0, "https://e.com/"))
    just, over = "https://e.com/" + "a" * room, "https://e.com/" + "a" * (room + 1)
    done = followed(f'<a href="{over}">far</a><a href="{just}">near</a>')
    assert done.links == (
        FoundLink(None, over, "far", "tooLong"),
        FoundLink(0, just, "near", None),
    )
    assert f'<a href="{over}">far</a><a href="{SITE.redirect(0, just)}">near</a>' in done.html


def test_links_beyond_those_a_token_can_number_are_left_and_named() -> None:
    links = "<a href=http:a>" * 65_540
    done = followed(f"<p>{links}")
    assert [link.index for link in done.links[:65_536]] == list(range(65_536))
    assert done.links[65_536:] == (FoundLink(None, "http://a/", "", "tooMany"),) * 4
    last = f"<a href={SITE.redirect(65_535, 'http://a/')}>"
    assert without_pixel(done.html).endswith(last + "<a href=http:a>" * 4)


def test_a_link_marked_as_not_to_be_followed_is_named() -> None:
    done = followed('<a href="https://e.com/" data-follow="off">x</a>')
    assert done.links == (FoundLink(None, "https://e.com/", "x", "optOut"),)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://e.com/">\n Our <b>new</b>\n prices&nbsp;&copy </a>', "Our new prices ©"),
        ('<a href="https://e.com/"><div>Our</div><div>prices</div></a>', "Our prices"),
        ('<a href="https://e.com/">Our<br>prices</a>', "Our prices"),
        ('<a href="https://e.com/"><img src="x.png" alt="Our prices"></a>', "Our prices"),
        ('<a href="https://e.com/" title="Our prices"><img src="x.png"></a>', "Our prices"),
        ('<map><area href="https://e.com/" alt="Our prices" title="no"></map>', "Our prices"),
        ('<map><area href="https://e.com/" title="Our prices"></map>', "Our prices"),
        ('<a href="https://e.com/"><!-- no --><style>no</style>Our prices</a>', "Our prices"),
        ('<p><a href="https://e.com/"><p>Our prices</a>', "Our prices"),
        ('<p><b><a href="https://e.com/"></p><p>Our prices</a>', "Our prices"),
        ("<!--[if mso]><v:rect href='http://e.com'><b>Our prices</b><![endif]-->", "Our prices"),
        ('<a href="https://e.com/"></a>', ""),
    ],
)  # fmt: skip
def test_a_link_is_named_by_what_the_reader_sees_of_it(html: str, text: str) -> None:
    assert [link.text for link in followed(html).links] == [text]


def test_a_long_text_is_cut() -> None:
    (link,) = followed(f'<a href="https://e.com/">{"price list " * 50}</a>').links
    assert len(link.text) <= 120
    assert link.text.startswith("price list price list")
    assert link.text.endswith("…")


# Our own addresses in quoted text

PUT_BACK = [
    ('<a href="{}">x</a>', """<a href="https://e.com/it's?b=1&amp;copy=2">x</a>"""),
    ("<a href='{}'>x</a>", "<a href='https://e.com/it&#39;s?b=1&amp;copy=2'>x</a>"),
    ("<a href={}>x</a>", "<a href=https://e.com/it&#39;s?b=1&amp;copy=2>x</a>"),
    (
        "<!--[if mso]><v:rect href={}><![endif]-->",
        "<!--[if mso]><v:rect href=https://e.com/it&#39;s?b=1&amp;copy=2><![endif]-->",
    ),
]


@pytest.mark.parametrize(("quoted", "put_back"), PUT_BACK)
def test_our_redirect_in_quoted_text_is_put_back_and_not_followed(
    quoted: str, put_back: str
) -> None:
    redirect = SITE.redirect(7, "https://e.com/it's?b=1&copy=2")
    done = followed(quoted.format(redirect))
    assert without_pixel(done.html) == put_back
    assert done.links == ()


def test_an_unquoted_address_put_back_in_a_conditional_comment_does_not_end_it() -> None:
    redirect = SITE.redirect(7, "https://e.com/--")
    done = followed(f"<!--[if mso]><a href={redirect}&amp;by=gateway>x</a><![endif]-->")
    assert without_pixel(done.html) == (
        "<!--[if mso]><a href=https://e.com/-&#45;>x</a><![endif]-->"
    )


TAKEN_OUT = [
    ('a<img src="{}" width="1" height="1" alt="">b', "ab"),
    ("a<IMG alt='' SRC='{}'/>b", "ab"),
    ("a<img src={}>b", "ab"),
    ('a<a href="mailto:a@b.c"><img src="{}"></a>b', 'a<a href="mailto:a@b.c"></a>b'),
    (
        "<!--[if gte vml 1]><v:shape><v:imagedata src='{}'/></v:shape><![endif]-->"
        "<![if !vml]><img src='{}'><![endif]>",
        "<!--[if gte vml 1]><v:shape></v:shape><![endif]--><![if !vml]><![endif]>",
    ),
    ("<v:shape><v:imagedata src='{}'></v:imagedata></v:shape>", "<v:shape></v:shape>"),
]


@pytest.mark.parametrize(("quoted", "left"), TAKEN_OUT)
def test_our_pixel_in_quoted_text_is_taken_out(quoted: str, left: str) -> None:
    assert without_pixel(followed(quoted.replace("{}", OUR_PIXEL)).html) == left


@pytest.mark.parametrize(("quoted", "put_back"), PUT_BACK)
def test_our_redirect_is_put_back_in_a_body_that_is_not_followed_f4(
    quoted: str, put_back: str
) -> None:
    redirect = SITE.redirect(7, "https://e.com/it's?b=1&copy=2")
    around = '<p>é\r\n<a href="https://e.com/?a=1&b=2">\tx</A>{}</body>\r\n'
    html = around.format(quoted.format(redirect))
    assert without_ours(html, own=SITE.own) == around.format(put_back)


@pytest.mark.parametrize(("quoted", "left"), TAKEN_OUT)
def test_our_pixel_is_taken_out_of_a_body_that_is_not_followed_f4(quoted: str, left: str) -> None:
    html = quoted.replace("{}", OUR_PIXEL)
    assert without_ours(html, own=SITE.own) == left


def test_our_files_and_stored_images_stay_in_quoted_text() -> None:
    quoted = (
        f'<a href="{SITE.address}/a/TOKEN/offer.pdf">offer.pdf</a>'
        f'<img src="{SITE.address}/i/TOKEN/logo.png">'
    )
    done = followed(quoted)
    assert without_pixel(done.html) == quoted
    assert done.links == ()
    assert without_ours(quoted, own=SITE.own) == quoted


@pytest.mark.parametrize("name", ["gmail-reply", "outlook-web-reply"])
def test_a_reply_that_quotes_a_followed_message_leads_nowhere_through_the_old_one(
    name: str,
) -> None:
    html = (MAIL / f"{name}.html").read_bytes().decode()
    assert html.count(f"{SITE.address}/r/L") == 3
    done = followed(html)
    ours = re.findall(rf"{SITE.address}/[^\s\"'<>]+", without_pixel(done.html))
    new = [SITE.redirect(link.index, link.url) for link in done.links if link.index is not None]
    kept = [address for address in ours if "/a/" in address or "/i/" in address]
    assert sorted(ours) == sorted(new + kept)


# The pixel


@pytest.mark.parametrize(
    "html",
    [
        "<html><body><p>x</p>^</body></html>",
        "<HTML><BODY><p>x</p>^</BODY\n></HTML>\r\n",
        "<p>x</p>^</body></html>",
        "<p>x</p>^</html>\n",
        "<p>x</p>^",
        "^",
        "Just text.\r\n^",
        "<body><p>x</p>^</body> <!-- made by a tool --></html>",
        "<body><p>x</p><!-- </body> -->^</body></html>",
        "<body><script>'</body>'</script>^</body></html>",
        "<body><script>'</body></html>'</script>^",
        "<title></body></title><p>x</p>^",
        "<body><textarea></body></textarea>^</body>",
        "<body><p title='</body>'>x</p>^</body>",
        "<body>^<p>x</p><p title='</body></html>",
        "<p>x</p><blockquote><html><body>quoted</body></html></blockquote><p>y</p>^",
        "<body><div><html><body>quoted</body></html></div>^</body></html>",
        "<body><html><body>quoted</body></html>^</body></html>",
        "<body><p>x</p><!--[if mso]></body></html><![endif]-->^",
        "<body><!--[if !mso]><!--><p>x</p></body></html><!--<![endif]-->^",
        "<body><p>x</p><!--[if mso]><table><![endif]-->^</body></html>",
        "<body>x^<p>y<!-- no end </body></html>",
        "<body><p>x</p>^<script>no end </body></html>",
        "<body><p>x</p>^<style>no end </body></html>",
        "<head>^<title>no end </body></html>",
        "<body><p>x</p>^<textarea>no end",
        "<body><p>x</p>^<template>no end",
        "<body><p>x</p>^<plaintext>no end</body>",
        "<body>é😀\r\n<p>x</p>\r\n^<script>no end",
        "^<!-- no end",
    ],
)
def test_the_pixel_stands_where_it_is_seen(html: str) -> None:
    """`^` marks the place."""
    done = followed(html.replace("^", ""))
    assert done.html == html.replace("^", PIXEL)


def test_the_pixel_reads_as_nothing_and_takes_no_room() -> None:
    (image,) = (part for part in followed("").html.split("<img") if part)
    assert 'alt=" "' in image
    assert 'width="1" height="1"' in image
    assert "display:none" not in image


# Size


def test_a_body_of_500_kb_with_300_links_is_rewritten() -> None:
    paragraph = "<p style='margin:0'>" + "Lorem ipsum &amp; dolor — sit amet. " * 45 + "</p>\r\n"
    row = paragraph + '<a href="https://e.com/?a=1&amp;b=2"><img src="https://e.com/i.png"></a>'
    html = f"<html><body>{row * 300}</body></html>"
    assert len(html) > 490_000
    done = followed(html)
    assert len(done.links) == 300


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<a href=https://e.com/>" * 5_000,
        "<v:rect href=https://e.com/>" * 5_000,
        "<!--[if mso]>" * 20_000,
        "<!--[if mso]><![endif]-->" * 10_000,
        "</body>" * 100_000,
        "<p><b><a href=https://e.com/>" * 1_000 + "</p></b></a>" * 1_000,
    ],
    ids=lambda html: html[:20],
)
@pytest.mark.timeout(30)  # quadratic ways take minutes
def test_hostile_repetition_does_not_take_forever(html: str) -> None:
    assert isinstance(followed(html), Rewritten)
