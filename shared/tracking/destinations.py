"""The address that a browser requests when somebody follows a link."""

from ada_url import URL

WEB_SCHEMES = ("http:", "https:")


def destination(href: str, base: str | None = None) -> str | None:
    """The `http` or `https` address that `href` opens, in ASCII as it goes over the wire.

    `href` is an attribute's value after HTML has decoded it; `base` is the document's `<base href>`
    where it has one. The parser is the WHATWG one that browsers share, so that tabs, backslashes,
    international names, credentials and percent signs come out as they do there. Non-ASCII in a
    query is written as UTF-8, the encoding of the mail we send.

    None where it is no such link: another scheme, a relative address, or one no browser opens.
    """
    address = _parsed(href)
    if address is None or not address.startswith(WEB_SCHEMES):
        return None
    # `https:page`, without slashes, is absolute on its own and relative below an https base.
    is_relative = base is not None and _parsed(base) and _parsed(href, base) != address
    return None if is_relative else address


def _parsed(href: str, base: str | None = None) -> str | None:
    try:
        return str(URL(href, base).href)
    except ValueError:  # also what a lone surrogate raises, which no mail can carry
        return None
