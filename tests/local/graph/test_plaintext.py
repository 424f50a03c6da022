"""The text part derived from HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.graph.plaintext import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Dear Li,<br>hello &amp; welcome</p>", "Dear Li,\nhello & welcome\n"),
        ('<a href="https://a.example/?b=1&amp;c=2">it</a>', "it<https://a.example/?b=1&c=2>\n"),
        ('<a href="#top">up</a> <a>x</a>', "up x\n"),
        (
            '<img src="cid:logo" alt="Logo"><img src="https://a.example/p.gif" alt="">',
            "[Logo][https://a.example/p.gif]\n",
        ),
        ("<table><tr><td>Left</td><td>Right</td></tr></table>", "Left\nRight\n"),
        ("<style>p{}</style><title>t</title><script>s()</script><p>seen</p>", "seen\n"),
        ("<!--[if mso]><p>Outlook</p><![endif]--><p>all</p>", "all\n"),
        ("<ul><li>one<li>two</ul>", "  * one\n  * two\n"),
        ("", ""),
    ],
)
def test_html_reads_well_as_text(html: str, text: str) -> None:
    assert plain_text(html) == text


@given(st.text(st.sampled_from("<>/=\"'!-abpi &;\n\x00é€")))
def test_no_html_is_too_broken(html: str) -> None:
    assert isinstance(plain_text(html), str)
