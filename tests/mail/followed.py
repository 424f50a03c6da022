"""A stand-in for the tokens: addresses of ours whose destination can be read by the tests."""

from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from shared.tracking.pixel_image import pixel_image
from shared.tracking.rewrite import OurAddress, OurRedirect, Rewritten, rewrite


@dataclass(frozen=True)
class Site:
    """The public address of an organization."""

    address: str

    def redirect(self, index: int, url: str) -> str:
        # Without a hyphen at its end it is written the same between quotes and without.
        return f"{self.address}/r/L{index}-_?u={quote(url, safe='').replace('-', '%2D')}"

    def own(self, address: str) -> OurRedirect | OurAddress | None:
        parts = urlsplit(address)
        if f"{parts.scheme}://{parts.netloc}" != self.address:
            return None
        match parts.path[:3]:
            case "/r/":
                return OurRedirect(parse_qs(parts.query)["u"][0])
            case "/o/":
                return OurAddress.PIXEL
            case "/a/" | "/i/":
                return OurAddress.KEPT
        return None


SITE = Site("https://follow.example")
PIXEL_ADDRESS = f"{SITE.address}/o/new.gif"
PIXEL = pixel_image(PIXEL_ADDRESS)
OUR_PIXEL = f"{SITE.address}/o/quoted.gif"


def followed(html: str, site: Site = SITE) -> Rewritten:
    return rewrite(html, redirect=site.redirect, own=site.own, pixel=PIXEL_ADDRESS)


def without_pixel(html: str) -> str:
    assert html.count(PIXEL) == 1
    return html.replace(PIXEL, "")
