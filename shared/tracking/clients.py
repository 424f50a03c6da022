"""What a recipient reads with: a mail program or browser by its everyday name, and the device.

Names come from the table below and never from the agent itself, which anybody can write: nothing a
stranger sends reaches a page. What the agent does not tell is None.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from shared.tracking.classify import REASONS, Weight, agent_reason
from shared.tracking.hits import LONGEST_AGENT

Device = Literal["desktop", "phone", "tablet"]


@dataclass(frozen=True, slots=True)
class Client:
    """The name a seller would say ("Outlook", "Chrome") and the class of device."""

    name: str | None
    device: Device | None


NOBODY = Client(None, None)


def describe(agent: str) -> Client:
    """The client behind a user agent; a machine's agent is not described, whatever it claims."""
    return _describe(agent[:LONGEST_AGENT].strip())


@lru_cache(maxsize=4096)
def _describe(agent: str) -> Client:
    reason = agent_reason(agent)
    if reason is not None:
        if service := _service(agent, reason):
            return Client(service, None)
        if REASONS[reason] is Weight.PROOF:
            return NOBODY
    for name, pattern, device in _NAMES:
        if pattern.search(agent):
            return Client(name, _device(agent) or device)
    return Client(None, _device(agent))


def _service(agent: str, reason: str) -> str | None:
    """The mail service whose own machine fetched; the device its agent names is made up."""
    if reason == "gmailPrefetch":
        return "Gmail"
    if reason == "applePrivacy":
        return "Apple Mail"
    if reason == "imageProxy":
        return next((name for name, pattern in _SERVICES if pattern.search(agent)), None)
    return None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_SERVICES = tuple(
    (name, _pattern(text))
    for name, text in (
        ("Gmail", r"GoogleImageProxy|ggpht\.com"),
        ("Yahoo Mail", r"YahooMail"),
        ("Rambler", r"Rambler"),
        ("Seznam", r"Seznam"),
        ("ukr.net", r"ukr\.net"),
        ("Fastmail", r"Fastmail"),
        ("Shortwave", r"Shortwave"),
        ("HEY", r"hey\.com"),
    )
)

# The more special name stands above the one that its agent contains, too: nearly all say Chrome or
# Safari. The device is the program's own, for agents that name no system.
_NAMES: tuple[tuple[str | None, re.Pattern[str], Device | None], ...] = tuple(
    (name, _pattern(text), cast("Device | None", device))
    for name, text, device in (
        # Mail programs
        ("Outlook Express", r"Outlook-Express", "desktop"),
        ("Windows Live Mail", r"Windows Live Mail", "desktop"),
        ("Outlook", r"Outlook-(iOS|Android)", None),
        ("Outlook", r"Microsoft Outlook|MacOutlook/|OneOutlook/|^Outlook/", "desktop"),
        ("Outlook", r"ms-office|\bMSOffice ", "desktop"),
        ("Windows Mail", r"^WindowsMail/", None),
        ("Apple Mail", r"^Mail/[\d.]+ CFNetwork/", "desktop"),
        ("Apple Mail", r"^MobileMail/", None),
        ("Betterbird", r"Betterbird/", "desktop"),
        ("SeaMonkey", r"SeaMonkey/|Iceape/", "desktop"),
        ("Postbox", r"Postbox", "desktop"),
        ("Thunderbird", r"Thunderbird|Icedove/", None),
        ("eM Client", r"\beM ?Client\b", None),
        ("Mailbird", r"\bMailbird/", "desktop"),
        ("Mailspring", r"\bMailspring/", "desktop"),
        ("BlueMail", r"\bBlueMail/", None),
        ("The Bat!", r"^The Bat!", None),
        ("Airmail", r"^Airmail\b", None),
        ("Spark", r"^Spark/", None),
        ("Canary Mail", r"^Canary(%20|\b)", None),
        ("Polymail", r"^Polymail/", None),
        ("Foxmail", r"\bFoxmail/", "desktop"),
        ("Lotus Notes", r"Lotus-Notes/|IBM Notes", "desktop"),
        ("Mail Master", r"\bMailMaster", None),
        ("Superhuman", r"\bSuperhuman/", None),
        ("Yahoo Mail", r"YahooMobileMail/|^Yahoo%20Mail|yahoo\.ymail", None),
        ("Samsung Email", r"^SamsungEmail/", None),
        ("Gmail", r"^Android-Gmail|com\.google\.Gmail", None),
        ("NAVER Mail", r"NaverMailApp/", None),
        ("K-9 Mail", r"^K-9 Mail", None),
        # Apps that open links themselves
        ("Teams", r"\bTeams/\d", None),
        ("Slack", r"\bSlack_SSB/", "desktop"),
        ("Facebook", r"\bFBA[NV]/|\bFB_IAB/", None),
        ("Instagram", r"\bInstagram ", None),
        ("LinkedIn", r"\[LinkedInApp\]", None),
        ("WeChat", r"\bMicroMessenger/", None),
        ("X", r"\bTwitter for ", None),
        ("Line", r"\bLine/\d", None),
        ("Google app", r"\bGSA/", "phone"),
        # Browsers
        ("Edge", r"\bEdg(e|A|iOS)?/", None),
        ("Opera", r"\bOPR/|\bOPiOS/|^Opera/|\bOpera Mini/", None),
        ("Samsung Internet", r"\bSamsungBrowser/", None),
        ("Yandex Browser", r"\bYaBrowser/", None),
        ("UC Browser", r"\bUC ?Browser/", None),
        ("DuckDuckGo", r"\bDuckDuckGo/", None),
        ("Vivaldi", r"\bVivaldi/", None),
        ("Brave", r"\bBrave\b", None),
        ("Silk", r"\bSilk/", "tablet"),
        ("Internet Explorer", r"\bMSIE \d|\bTrident/\d", None),
        ("Firefox", r"\b(Firefox|FxiOS)/", None),
        # A webview names the browser it is made of; which app it is in, it does not tell.
        (None, r"; wv\)", None),
        ("Chromium", r"\bChromium/", None),
        ("Chrome", r"\b(Chrome|CriOS)/", None),
        (None, r"\bEpiphany/|\bEvolution/|Android|BB10", None),
        ("Safari", r"Version/[\d.]+ (Mobile/\w+ )?Safari/", None),
        # Mail of iOS shows messages in a webview that adds nothing. Some other apps do the same,
        # but far fewer people read mail in them. On a Mac it is too even to tell.
        (
            "Apple Mail",
            r"\(i(Phone|Pad|Pod)[^)]*\) AppleWebKit/\S+ \(KHTML, like Gecko\) Mobile/\w+$",
            None,
        ),
    )
)


def _device(agent: str) -> Device | None:
    return next((device for device, pattern in _DEVICES if pattern.search(agent)), None)


_DEVICES: tuple[tuple[Device, re.Pattern[str]], ...] = (
    ("phone", _pattern(r"iPhone|iPod|Windows Phone|IEMobile|BB10|BlackBerry|Opera Mini")),
    ("tablet", _pattern(r"iPad|\bTablet;|\bSilk/|PlayBook|Kindle")),
    ("phone", _pattern(r"Android.*\bMobile")),
    ("tablet", _pattern(r"Android.*AppleWebKit/")),
    ("desktop", _pattern(r"Windows|Macintosh|Mac ?OS X|X11|CrOS|Linux (x86_64|i686)|Konqueror/")),
)
"""In this order: phones say "Mac OS X" and tablets "Android", too."""
