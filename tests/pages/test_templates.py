"""Templates only say what can be said, and let nothing through unescaped."""

import re
from itertools import product
from pathlib import Path

import pytest

import shared.pages
from shared.languages import LANGUAGES, say, sentence_id
from shared.messages.files import Place
from shared.messages.timeline import AUTOMATED
from shared.model import CardKind
from shared.pages.addresses import is_web
from shared.pages.functions import SAID as SAID_OF_BUTTONS
from shared.pages.message_list import COLUMNS, PERIODS
from shared.tracking.rewrite import OPT_OUT, TOO_LONG

TEMPLATES = sorted((Path(shared.pages.__file__).parent / "templates").glob("*.html"))
SAID = {
    sentence
    for template in TEMPLATES
    for call in re.findall(r"say\(([^()]*)\)", template.read_text("utf-8"))
    if "~" not in call
    for sentence in re.findall(r'"([a-z0-9-]+)"', call)
}
PUT_TOGETHER = {
    *(f"filter-period-{period}" for period in PERIODS),
    *(f"timeline-{choice}" for choice in AUTOMATED),
    *(f"column-{column.name}" for column in COLUMNS),
    *(sentence_id("card", kind) for kind in CardKind),
    *("card-snooze-hour", "card-snooze-day"),
    *(sentence_id("link", code) for code in (OPT_OUT, TOO_LONG)),
    *(sentence_id("device", device) for device in ("desktop", "phone", "tablet")),
    *(f"file-{place}" for place in Place),
    *(
        f"{topic}-{part}"
        for topic in ("withdrawn-link", "unknown-link", "gone-file", "unavailable-file")
        for part in ("title", "text")
    ),
    *(f"said-{why}" for why in SAID_OF_BUTTONS),
    *(f"detail-{name}" for name in ("from", "seller", "to", "cc", "bcc", "regarding")),
    *(
        f"problem-{status}-{part}"
        for status, part in product((403, 404, 422, 500, 503, "sign-in-off"), ("title", "text"))
    ),
}

VALUES = {
    "address": "x@example.com",
    "day": "1 May",
    "name": "Brasilia Time",
    "seller": "bruno@contoso.com",
    "zone": "America/Sao_Paulo",
    "time": "9:00",
    "what": "Opened",
    "subject": "Offer",
    "who": "Li",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_page_is_there_in_every_language(language: str) -> None:
    for sentence in SAID | PUT_TOGETHER:
        assert say(language, sentence, **VALUES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_nothing_but_our_own_style_sheet_goes_out_unescaped(template: Path) -> None:
    text = template.read_text("utf-8")
    assert re.findall(r"\{\{([^}]*)\|\s*safe", text) == (
        [" style ", " zone_script ", " page_script "] if template.name == "layout.html" else []
    )
    assert "autoescape" not in text
    scripts = ["<script>"] * 2 if template.name == "layout.html" else []
    assert re.findall("<script[^>]*>", text) == scripts
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", text)


@pytest.mark.parametrize(
    ("address", "web"),
    [
        ("https://example.com/", True),
        ("HTTP://EXAMPLE.COM", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.com", False),
        ("https:example.com", False),
        ("https:///example.com", False),
        ("vbscript:https://example.com", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_web_become_links(address: str, web: bool) -> None:
    assert is_web(address) is web
