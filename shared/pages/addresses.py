"""Every address of a page, built in one place and handed to the templates."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

HOME = "/"
ICON = "/favicon.svg"
SIGN_OUT = "/.auth/logout"
"""The platform's own address (App Service authentication)."""

_WEB = re.compile(r"https?://[^/\s]", re.IGNORECASE)


def messages_address(organization: str, **chosen: str) -> str:
    """The list of messages; `chosen` are its query values."""
    return _with(f"/orgs/{quote(organization, safe='')}/messages", chosen)


def message_address(organization: str, message: str, **chosen: str) -> str:
    """The page of one message; `chosen` are its query values."""
    path = f"/orgs/{quote(organization, safe='')}/messages/{quote(message, safe='')}"
    return _with(path, chosen)


def cards_address(organization: str, **chosen: str) -> str:
    """A person's own cards; `chosen` are its query values."""
    return _with(f"/orgs/{quote(organization, safe='')}/cards", chosen)


def card_address(organization: str, card: str, verb: str) -> str:
    """Where a form is sent that does something with a card."""
    return f"/orgs/{quote(organization, safe='')}/cards/{quote(card, safe='')}/{verb}"


def send_address(organization: str, message: str) -> str:
    """Where a message's page asks for it to be sent now."""
    return f"{message_address(organization, message)}/send"


def cancel_address(organization: str, message: str) -> str:
    """Where a message's page asks for it to be cancelled."""
    return f"{message_address(organization, message)}/cancel"


def retry_address(organization: str, message: str) -> str:
    """Where a message's page asks for another attempt to send it."""
    return f"{message_address(organization, message)}/retry"


def give_address(organization: str, message: str) -> str:
    """Where a form is sent that gives a message to another seller."""
    return f"{message_address(organization, message)}/give"


def sign_in_address(asked_for: str) -> str:
    """Where a person signs in, to come back to the path and query of the address asked for."""
    way_back = quote(here(asked_for), safe="")
    return f"/.auth/login/aad?post_login_redirect_uri={way_back}"


def here(asked_for: str) -> str:
    """The address that was asked for, without the site."""
    parts = urlsplit(asked_for)
    # Two slashes at the start would name another site.
    path = "/" + parts.path.lstrip("/")
    return f"{path}?{parts.query}" if parts.query else path


def is_web(address: str) -> bool:
    """Whether an address that a stranger wrote may become a link of ours."""
    return _WEB.match(address) is not None


def _with(path: str, chosen: dict[str, str]) -> str:
    return f"{path}?{urlencode(chosen)}" if chosen else path
