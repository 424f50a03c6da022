"""Who caused a hit: a person or a machine, and the reasons, from what the hit itself tells.

Every hit is kept and labelled; a machine's is never counted as a person's and never alerted on.
A hit is a machine's only with evidence, so what is unknown stays human. Nothing here reads a clock
or does I/O. What several hits tell together is found by `shared.tracking.together`; its reasons are
among `REASONS`, and `weighed` weighs them with a hit's own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache

from crawlerdetect import CrawlerDetect  # type: ignore[import-untyped]

from shared.model import EventKind
from shared.tracking.hits import LONGEST_AGENT


class Weight(Enum):
    """What a reason does to the verdict."""

    PROOF = "is evidence of a machine by itself"
    SIGN = "proves nothing by itself, and a machine together with a second sign"
    NOTE = "only informs: a person did it, and this is why it looks unusual"


REASONS: dict[str, Weight] = {
    "headRequest": Weight.PROOF,
    "prefetch": Weight.PROOF,
    "noAgent": Weight.PROOF,
    "program": Weight.PROOF,
    "headless": Weight.PROOF,
    "crawler": Weight.PROOF,
    "linkPreview": Weight.PROOF,
    "securityScanner": Weight.PROOF,
    "gmailPrefetch": Weight.PROOF,
    "applePrivacy": Weight.PROOF,
    "beforeDelivery": Weight.PROOF,
    "ownOpen": Weight.PROOF,
    "burst": Weight.PROOF,
    "sameScanner": Weight.PROOF,
    "fetchedAgain": Weight.PROOF,
    "secondsAfterDelivery": Weight.SIGN,
    "secondLink": Weight.SIGN,
    "partialRequest": Weight.SIGN,
    "imageProxy": Weight.NOTE,
}
"""Every reason there is, and whether it makes a hit automated. Codes are stored: never renamed."""

AT_ONCE = timedelta(seconds=10)
"""How soon after delivery a hit is suspicious if something else is, too."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one hit."""

    method: str
    agent: str
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    """The other request headers that matter, those of `hits.SIGNALS`, their names in lower case."""
    delivered_at: datetime | None = None
    """When the copy was delivered (the sent time Graph reports); None while it is not known."""
    kind: EventKind = EventKind.OPEN
    own_network: bool = False
    """Whether it came from one of the networks that the organization says are its own."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a machine caused the hit, and why: codes of `REASONS`, in its order. `signs` are
    those that were found and not told, since they prove nothing by themselves."""

    automated: bool
    reasons: tuple[str, ...]
    signs: tuple[str, ...] = ()


def classify(signals: Signals) -> Verdict:
    """The verdict on one hit by itself, with the reasons that speak for it and no others."""
    return weighed(_reasons(signals))


def weighed(codes: Iterable[str]) -> Verdict:
    """The verdict that these reasons make together."""
    return _weighed(frozenset(codes))


@lru_cache(maxsize=1024)
def _weighed(found: frozenset[str]) -> Verdict:
    notes = {code for code in found if REASONS[code] is Weight.NOTE}
    proofs = {code for code in found if REASONS[code] is Weight.PROOF}
    signs = found - notes - proofs
    automated = bool(proofs) or len(signs) > 1
    told, kept = (proofs | signs, notes) if automated else (notes, signs)
    return Verdict(automated, _in_order(told), _in_order(kept))


def _in_order(codes: Set[str]) -> tuple[str, ...]:
    return tuple(code for code in REASONS if code in codes)


def agent_reason(agent: str, *, loads_image: bool = True) -> str | None:
    """What a user agent says by itself: a code of `REASONS`, or None for a person's program.

    `loads_image` is for agents that mean one thing for a picture and another for a click.
    """
    return _agent_reason(agent[:LONGEST_AGENT].strip(), loads_image)


def _reasons(signals: Signals) -> Iterator[str]:
    if signals.method == "HEAD":
        yield "headRequest"
    if _is_prefetch(signals):
        yield "prefetch"
    loads_image = signals.kind in (EventKind.OPEN, EventKind.IMAGE)
    if reason := agent_reason(signals.agent, loads_image=loads_image):
        yield reason
    if signals.own_network:
        yield "ownOpen"
    if "range" in signals.headers and signals.kind is EventKind.OPEN:
        # Nobody needs a part of 43 bytes. Files and larger images are read in parts by people.
        yield "partialRequest"
    if signals.delivered_at is not None:
        since = signals.at - signals.delivered_at
        if since < timedelta():
            yield "beforeDelivery"
        elif since < AT_ONCE:
            yield "secondsAfterDelivery"


_PURPOSE_HEADERS = ("purpose", "sec-purpose", "x-purpose", "x-moz")
_AHEAD = {"prefetch", "prerender", "preview"}


def _is_prefetch(signals: Signals) -> bool:
    """Whether the client says that nobody has asked for this yet ("prefetch;prerender" too)."""
    sent = (signals.headers.get(name, "").lower() for name in _PURPOSE_HEADERS)
    return any(_AHEAD.intersection(re.split(r"[;,\s]+", value)) for value in sent)


# --- What an agent says, most certain first ---------------------------------------------------

_GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
"""Gmail loads images ahead with exactly this; the real Edge of 2015 has no second "Mozilla/5.0"."""

_APPLE_PRIVACY = "Mozilla/5.0"
"""All that Apple's Mail Privacy Protection sends, from its relay, whether or not anybody reads.

Without a list of relay addresses the agent alone decides: no mail program and no browser sends so
little, so the others that do are scripts. Apple fetches images only; a click is a script's."""


@lru_cache(maxsize=4096)
def _agent_reason(agent: str, loads_image: bool) -> str | None:
    if not agent:
        return "noAgent"
    if agent == _GMAIL_PREFETCH:
        return "gmailPrefetch"
    if agent == _APPLE_PRIVACY:
        return "applePrivacy" if loads_image else "program"
    if _OFFICE_PROBE.search(agent):
        return "program"
    if _IMAGE_PROXY.search(agent):
        return "imageProxy"
    if _PEOPLES_PROGRAM.search(agent) or (loads_image and _APP_LIBRARY.search(agent)):
        return None
    for code, pattern in _MACHINES:
        if pattern.search(agent):
            return code
    if _is_crawler(agent):
        return "crawler"
    return None if _SHOWS_MAIL.search(agent) else "program"


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_OFFICE_PROBE = _any_of("Microsoft Office (Existence|Protocol) Discovery")
"""Office asks the server what it is before it shows a link; the browser's own hit follows."""

_IMAGE_PROXY = _any_of(
    "GoogleImageProxy|ggpht\\.com",
    "Mail.{0,20}Proxy",  # YahooMailProxy, SeznamEmailProxy, "mail.ukr.net proxy"
    "^RamblerMail/",
    "FastmailUA",
    "Shortwave",
    "hey\\.com/imageproxy",
)
"""Mail services that fetch images when a person opens the message there."""

_PEOPLES_PROGRAM = _any_of(
    "Microsoft Outlook|MacOutlook/|OneOutlook/|^Outlook/|Outlook-(iOS|Android|Express)",
    "ms-office|\\bMSOffice |^Microsoft Office[/ ]|^(Word|Excel|PowerPoint)/\\d",
    "^(Airmail|Polymail)\\b.*Mac OS X",
    "^AndroidDownloadManager/|\\bCronet\\b",  # A person saves a file, or is in a Google app.
)
"""Mail programs and apps that crawlerdetect takes for crawlers."""

_APP_LIBRARY = _any_of("^okhttp/|^Dalvik/", "\\bCFNetwork/[\\d.]+ Darwin/")
"""What apps of Android and Apple load a picture with, mail apps among them. A click opens a browser
instead, so there only the lists of machines decide."""

_MACHINES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("prefetch", _any_of("Prefetch Proxy")),
    (
        "linkPreview",
        _any_of(
            "Slackbot|Slack-ImgProxy|SkypeUriPreview|MicrosoftPreview|BingPreview|Web Preview",
            "^WhatsApp/|TelegramBot|Twitterbot|LinkedInBot|facebookexternal(hit|ua)|Facebot",
            "Discordbot|ViberUrlDownloader|Snap URL Preview|Pinterestbot|redditbot|vkShare",
            "Embedly|Iframely|Cardyb|Mastodon/|OpenGraph|Google-PageRenderer|LinkExpand",
            "(link|url).?(preview|look.?up|expander)",
        ),
    ),
    (
        "securityScanner",
        _any_of(
            "Barracuda|Proofpoint|Mimecast|IronPort|Cisco.?(Talos|Secure|ESA)|Forcepoint|Websense",
            "TrendMicro|Trend Micro|Symantec|MessageLabs|SophosLabs|Sophos.(Email|URL)|Zscaler",
            "FireEye|Trellix|Forti(Sandbox|Guard|Mail)|Cloudmark|Vade.?Secure|SpamExperts|Cyren",
            "Hornetsecurity|Avanan|Perception.?Point|Safe.?Links|SafeBrowsing|Google-Safety",
            "virustotal|urlscan|phish|ClamAV|Palo Alto Networks|Censys|Netcraft|BitSight|Shodan",
            "Nmap Scripting|Nikto|sqlmap|nuclei|zgrab|masscan|Qualys|WPScan|Detectify|Acunetix",
            "Nessus|OpenVAS|Assetnote|jndi:|security.?(scan|check|research|headers)|vulnerab",
        ),
    ),
    (
        "headless",
        _any_of(
            "headless|PhantomJS|SlimerJS|CasperJS|Puppeteer|Playwright|Selenium|WebDriver",
            "jsdom|HtmlUnit|splash Version/|Lighthouse|wkhtmlto|Cypress/",
        ),
    ),
    (
        "program",
        _any_of(
            "^(curl|Wget2?|aria2|HTTPie|PostmanRuntime|insomnia|okhttp|Dalvik|Ktor client)\\b",
            "libcurl/|PycURL|PowerShell/|HTTrack|Scrapy/|gocolly|lua-resty-http|libwww-perl",
            "python-(requests|urllib|httpx)|aiohttp/|^Python\\b",
            "^Go-http-client|^Go [\\d.]+ package http",
            "^Java[/\\d-]|HttpClient\\b|HTTP-Java-Client|^AHC/|^Jetty/|^ReactorNetty/|^RestSharp",
            "^(LWP|lwp|WWW-Mechanize|Mechanize|Ruby|Faraday|http\\.rb|Guzzle|PHP|PEAR)\\b",
            "GuzzleHttp|^(axios|node|undici|got|Deno|Bun|reqwest|hyper|Dart)([/ -]|$)",
            "^Microsoft-(WebDAV|CryptoAPI)|WinHttp|azure-logic-apps|microsoft-flow",
        ),
    ),
)

_SAYS_SO = _any_of(
    "https?://|\\bwww\\.|[\\w.+-]+@[\\w-]+\\.[a-z]|\\+[\\w-]+\\.[a-z]",  # Its page or mail address.
    # Something said beside the engine, or a name in the place of the operating system.
    "like Gecko\\);? ?(;|compatible)|like Gecko; ",
    "\\(compatible; (?!MSIE|Lotus)[\\w .-]+/\\d[^()]*\\)( AppleWebKit|$)",
    "\\b(scanner|monitor|monitoring|pinger|prober?|crawl|synthetics|exporter|checker)\\b",
    "\\bGoogle-[A-Z]|-Google/\\d|-User/\\d|Catchpoint|ThousandEyes",
)
"""Words in which machines that no list knows tell what they are."""

_SHOWS_MAIL = _any_of(
    "Windows|Mac ?OS|Macintosh|Darwin|Linux|X11|CrOS|BSD|SunOS|OS/2|BeOS|Haiku|Amiga|OpenVMS|RISC",
    "OSX|Palm|Android|iOS|iPhone|iPad|iPod|BlackBerry|BB10|PlayBook|Symb|Series|webOS|Tizen|KaiOS|Bada",
    "J2ME|MIDP|CLDC|Brew|WAP|MAUI|NetFront|UP\\.|Obigo|Teleca|Nintendo|PlayStation|Xbox|CFNetwork",
    "Gecko|KHTML|WebKit|MSIE|Trident|Presto|Opera|Safari/|Firefox/|Chrome/|Mobile|Phone|Browser|FBAN",
    "mail|outlook|notes|office|\\bbat!|barca|spark|spike|newton|hiri|postbox|mimestream|superhuman|canary",
    "evolution|geary|sylpheed|zimbra|em ?client|front/|missive|proton|tutanota|cronet",
)
"""The systems, engines and mail programs on which somebody can read a message. An agent with none
of these words was never shown to anybody: browsers and apps always tell where they run."""

_MODEL = re.compile(
    r"(?<=Android)([^;()]*;(?: [a-z]{2}-[a-z]{2,3};)?) (?:[^;()]|\([^()]*\))+", re.IGNORECASE
)
_HARMLESS = re.compile(
    r"\b(?:com|ru)(?:\.[a-z]\w*)+|https?://(?:www\.)?bsalsa\.com|QQDownload|Caboto"
)
_LONG_WORD = re.compile(r"\S{100,}")

_CRAWLERS = CrawlerDetect()


def _is_crawler(agent: str) -> bool:
    # Makers name phones and apps as they like ("VR BOT 552", "CRONY"): only the rest is judged.
    agent = _HARMLESS.sub("", _MODEL.sub(r"\1", agent))
    # Nothing real has words of 100 characters, and the library's patterns are slow on them.
    agent = _LONG_WORD.sub(lambda word: word[0][:100], agent)
    return bool(_SAYS_SO.search(agent)) or bool(_CRAWLERS.is_crawler(agent))
