"""App Service authentication on one machine: the same addresses, cookie and headers.

On Azure the platform signs people in with Microsoft Entra and tells the app by headers who they
are. Here a page offers the demo people instead; what the app sees is the same. The rules come from
Microsoft's "Work with user identities in Azure App Service authentication".
"""

import base64
import hashlib
import hmac
import html
import json
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""

SESSION_SECONDS = 8 * 60 * 60
_COOKIE_HABITS = "path=/; HttpOnly; SameSite=Lax"

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_ENTRA = "http://schemas.microsoft.com/identity/claims/"
_NAME_TYPE = f"{_CLAIMS}emailaddress"
# The platform announces this type for roles and yet hands on Entra's app roles as plain `roles`.
_ROLE_TYPE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


@dataclass(frozen=True)
class Person:
    """Somebody of the demo who can sign in."""

    name: str
    address: str
    tenant: str
    roles: tuple[str, ...]

    @property
    def object_id(self) -> str:
        """Entra's id of the person, the same at every start."""
        return str(uuid.uuid5(uuid.UUID(self.tenant), self.address))

    def claims(self) -> list[dict[str, str]]:
        """The claims of Entra's token under the names that the platform gives them."""
        claims = {
            "iss": f"https://login.microsoftonline.com/{self.tenant}/v2.0",
            _NAME_TYPE: self.address,
            "name": self.name,
            f"{_ENTRA}objectidentifier": self.object_id,
            "preferred_username": self.address,
            f"{_CLAIMS}nameidentifier": hashlib.sha256(self.object_id.encode()).hexdigest()[:43],
            f"{_ENTRA}tenantid": self.tenant,
            "ver": "2.0",
        }
        plain = [{"typ": kind, "val": value} for kind, value in claims.items()]
        return plain + [{"typ": "roles", "val": role} for role in self.roles]

    def headers(self) -> dict[str, str]:
        """What the platform adds to each request of a person who has signed in."""
        principal = {
            "auth_typ": "aad",
            "claims": self.claims(),
            "name_typ": _NAME_TYPE,
            "role_typ": _ROLE_TYPE,
        }
        return {
            "x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode(),
            "x-ms-client-principal-id": self.object_id,
            "x-ms-client-principal-idp": "aad",
            "x-ms-client-principal-name": self.address,
        }


def read_people(text: str) -> list[Person]:
    """Read LOCAL_PEOPLE: a JSON list of name, address, tenant and roles; raises ValueError."""
    try:
        return [
            Person(
                each["name"], each["address"], str(uuid.UUID(each["tenant"])), tuple(each["roles"])
            )
            for each in json.loads(text)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"LOCAL_PEOPLE cannot be read: {error!r}") from None


class SignIn:
    """Signs people in and out, and recognizes them by their cookie."""

    def __init__(self, people: Iterable[Person], secret: str, port: int) -> None:
        self._people = {person.address: person for person in people}
        self._headers = {person.address: person.headers() for person in self._people.values()}
        self._secret = (secret or secrets.token_hex()).encode()
        # Browsers share cookies between the ports of a machine; the number keeps copies apart.
        self._cookie = f"AppServiceAuthSession_{port}"

    def headers_of(self, cookies: str) -> Mapping[str, str]:
        """The headers that say who it is; none for strangers."""
        address = self._address_of(cookies)
        return self._headers.get(address, {}) if address else {}

    def answer(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        """Answer a request to `/.auth/…`."""
        match method, path.lower().rstrip("/"):
            case "GET" | "HEAD", "/.auth/login/aad":
                return self._offer(parameters)
            case "POST", "/.auth/login/aad":
                return self._let_in(parameters, headers, body)
            case "GET" | "HEAD", "/.auth/logout":
                where = parameters.get("post_logout_redirect_uri", "/.auth/logout/complete")
                return _redirect(where, f"{self._cookie}=; max-age=0; {_COOKIE_HABITS}")
            case "GET" | "HEAD", "/.auth/logout/complete":
                return _page("Signed out", "<p>You have been signed out.</p>")
            case "GET" | "HEAD", "/.auth/me":
                return self._tell(headers.get("cookie", ""))
        return 404, [], b""

    def _offer(self, parameters: Mapping[str, str]) -> Answer:
        where = local_path(parameters.get("post_login_redirect_uri", "/"))
        action = html.escape("/.auth/login/aad?post_login_redirect_uri=" + quote(where, safe=""))
        buttons = "".join(
            f'<li><button name="person" value="{html.escape(person.address)}">'
            f"{html.escape(person.name)}<small>{html.escape(person.address)} · "
            f"{html.escape(', '.join(person.roles))}</small></button></li>"
            for person in self._people.values()
        )
        form = f'<form method="post" action="{action}"><ul>{buttons}</ul></form>'
        return _page("Who are you today?", form if buttons else "<p>LOCAL_PEOPLE is empty.</p>")

    def _let_in(
        self, parameters: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return 403, [], b""
        address = parse_qs(body.decode("utf-8", "replace")).get("person", [""])[0]
        if address not in self._people:
            return 400, [], b""
        value = self._sign(address, int(time.time()) + SESSION_SECONDS)
        where = parameters.get("post_login_redirect_uri", "/")
        return _redirect(where, f"{self._cookie}={value}; {_COOKIE_HABITS}")

    def _tell(self, cookies: str) -> Answer:
        address = self._address_of(cookies)
        if address not in self._people:
            return 401, [], b""
        person = self._people[address]
        told: list[dict[str, Any]] = [
            {
                "provider_name": "aad",
                "user_id": person.address,
                "user_claims": person.claims(),
            }
        ]
        return 200, [(b"content-type", b"application/json")], json.dumps(told).encode()

    def _sign(self, address: str, expires_at: int) -> str:
        said = base64.urlsafe_b64encode(f"{expires_at} {address}".encode()).decode().rstrip("=")
        return f"{said}.{self._mac(said)}"

    def _mac(self, said: str) -> str:
        return hmac.new(self._secret, said.encode(), hashlib.sha256).hexdigest()

    def _address_of(self, cookies: str) -> str | None:
        if self._cookie not in cookies:
            return None
        try:
            value = SimpleCookie(cookies)[self._cookie].value
            said, _, mac = value.partition(".")
            if not hmac.compare_digest(mac, self._mac(said)):
                return None
            padded = said + "=" * (-len(said) % 4)
            expires_at, _, address = base64.urlsafe_b64decode(padded).decode().partition(" ")
        except (CookieError, KeyError, ValueError, TypeError):
            return None
        return address if int(expires_at) > time.time() else None


def local_path(where: str) -> str:
    """`where` if it stays on this site, else "/": no open redirect by `//host` and its like."""
    hostile = where.startswith(("//", "/\\")) or any(
        character < " " or character == "\\" or character == "\x7f" for character in where
    )
    return where if where.startswith("/") and not hostile else "/"


def _redirect(where: str, cookie: str) -> Answer:
    location = quote(local_path(where), safe="/?&=#%:;,+@!$'()*~[]")
    headers = [(b"location", location.encode()), (b"set-cookie", cookie.encode())]
    return 302, headers, b""


_STYLE = """body{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem}
ul{list-style:none;padding:0}button{font:inherit;width:100%;text-align:left;padding:.6rem 1rem;
margin:.2rem 0;cursor:pointer}small{display:block;opacity:.7}"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def _page(title: str, content: str) -> Answer:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{content}"
    )
    # No form-action: browsers apply it to the redirect that follows, too.
    policy = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"cache-control", b"no-store"),
    ]
    return 200, headers, page.encode()
