"""A request becomes a call of a function, and what it returns becomes the answer.

A raw ASGI application without a framework: the pixel's speed is the product's. What it copies of
the real host is said where it is done. The sources are the host's conversion to RpcHttp
(`GrpcMessageConversionExtensions`) and the worker's converters in `azure.functions.http`.
"""

import codecs
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, unquote

import azure.functions as func
from azure.functions.http import HttpRequest

from local.host.invocations import Invoke
from local.host.routes import Routes
from local.host.sign_in import Answer, SignIn

logger = logging.getLogger("local.host")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST_URL = 4096
"""Bytes of path and query, as documented for the HTTP trigger; above: 414."""
LARGEST_BODY = 100 * 1024 * 1024
"""Bytes, the platform's own limit; above: 413."""

# Only the platform may say who has signed in; it takes these from every request that comes in.
_PLATFORM_HEADERS = (b"x-ms-client-principal", b"x-ms-token-")
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9\-._~/!$&'()*+,;=:@]*")


@dataclass(frozen=True)
class Target:
    """The function behind a route."""

    name: str
    invoke: Invoke


class BodyTooLarge(Exception):
    """The request's body is above LARGEST_BODY."""


class Web:
    """The ASGI application that serves an app's HTTP functions."""

    def __init__(self, routes: Routes[Target], sign_in: SignIn | None) -> None:
        self._routes = routes
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = await self._answer(scope, receive)
        except BodyTooLarge:
            status, headers, body = 413, [], b""
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        raw_path: bytes = scope["raw_path"]
        query: bytes = scope["query_string"]
        if len(raw_path) + len(query) >= LONGEST_URL:
            return 414, [], b""
        path = read_path(raw_path)
        if "\0" in path:
            return 400, [], b""
        headers = read_headers(scope["headers"])
        if self._sign_in:
            if path[:7].lower() == "/.auth/":
                body = await read_body(headers, receive)
                parameters = read_query(query)
                return self._sign_in.answer(scope["method"], path, parameters, headers, body)
            if "cookie" in headers:
                headers.update(self._sign_in.headers_of(headers["cookie"]))
        found = self._routes.find(scope["method"], path)
        if found is None:
            return 404, [], b""
        route, route_parameters = found
        request = HttpRequest(
            method=scope["method"],
            url=write_url(scope["scheme"], headers.get("host", ""), raw_path, path, query),
            headers=headers,
            params=read_query(query),
            route_params=route_parameters,
            body_type="bytes",
            body=await read_body(headers, receive),
        )
        try:
            return write_answer(await route.target.invoke(request))
        except Exception:
            # The real host answers an empty 500; the traceback is for the log alone.
            logger.exception("Function %s failed", route.target.name)
            return 500, [], b""


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names; repeated headers joined by ","; the platform's own left out."""
    read: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if raw_name.startswith(_PLATFORM_HEADERS):
            continue
        name = raw_name.decode("latin-1")
        value = raw_value.decode("utf-8", "replace")
        read[name] = f"{read[name]},{value}" if name in read else value
    return read


def read_query(query: bytes) -> dict[str, str]:
    """Names regardless of case, repeated ones joined by ","; empty values are dropped."""
    if not query:
        return {}
    read: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for pair in query.decode("latin-1").split("&"):
        if pair:
            raw_name, _, raw_value = pair.partition("=")
            name = _unescape(raw_name.replace("+", " "))
            name = names.setdefault(name.lower(), name)
            read.setdefault(name, []).append(_unescape(raw_value.replace("+", " ")))
    joined = {name: ",".join(values) for name, values in read.items()}
    return {name: value for name, value in joined.items() if value}


def read_path(raw_path: bytes) -> str:
    """The decoded path. `%2F` stays as it is: decoded, it would be a different path."""
    path = raw_path.decode("latin-1")
    if "%" not in path:
        return path
    return _unescape(re.sub("%2f", "%252F", path, flags=re.IGNORECASE))


def write_url(scheme: str, host: str, raw_path: bytes, path: str, query: bytes) -> str:
    """`req.url`: the path escaped anew by ASP.NET's rules, the query as it came."""
    if _PLAIN_PATH.fullmatch(raw_path):
        escaped = path
    else:
        # What looks like an escape in the decoded path (`%2F`) is left alone.
        pieces = re.split("(%[0-9A-Fa-f]{2})", path)
        escaped = "".join(
            piece if index % 2 else quote(piece, safe="-._~/!$&'()*+,;=:@")
            for index, piece in enumerate(pieces)
        )
    return f"{scheme}://{host}{escaped}{'?' + query.decode('latin-1') if query else ''}"


def _keep_escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(f"%{byte:02X}" for byte in wrong), error.end


# .NET's UnescapeDataString leaves escapes that are no UTF-8 as they are; Python would put U+FFFD.
codecs.register_error("local.host.keep_escaped", _keep_escaped)


def _unescape(text: str) -> str:
    return unquote(text, errors="local.host.keep_escaped") if "%" in text else text


async def read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """The whole body, in memory as in the real host; raises BodyTooLarge."""
    length = headers.get("content-length")
    if (length is None or length == "0") and "transfer-encoding" not in headers:
        return b""
    if length is not None and int(length) > LARGEST_BODY:
        raise BodyTooLarge
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    body = bytearray(message["body"])
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise BodyTooLarge
    return bytes(body)


def write_answer(result: Any) -> Answer:
    """What a function returned, as the worker and the host turn it into an answer.

    Raises TypeError where the worker does (for None among others), and ValueError for headers that
    Kestrel refuses.
    """
    if isinstance(result, str):
        return 200, [(b"content-type", b"text/plain; charset=utf-8")], result.encode()
    if not isinstance(result, func.HttpResponse):
        raise TypeError(f"it returned {type(result).__name__} instead of an HttpResponse")
    # A dictionary, as in the worker: of several same-named headers the last one wins.
    headers: dict[bytes, bytes] = {}
    cookies: list[str] = []
    has_type = False
    for name, value in result.headers.items():
        match name.lower():
            case "set-cookie":
                cookies.append(value)
                continue
            case "content-length" | "transfer-encoding":
                continue
            case "content-type":
                has_type = True
        headers[_encode(name)] = _encode(value)
    if not has_type:
        charset = f"; charset={result.charset}" if result.mimetype.startswith("text/") else ""
        headers[b"content-type"] = _encode(result.mimetype + charset)
    written = list(headers.items())
    if cookies:
        written += [(b"set-cookie", cookie) for cookie in _cookies(cookies)]
    return result.status_code, written, result.get_body()


def _encode(text: str) -> bytes:
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"the header {text!r} has a character outside printable ASCII")
    return text.encode("ascii")


def _cookies(values: Iterable[str]) -> Iterable[bytes]:
    """Cookies are the exception to "last wins": the worker hands each on, taken apart."""
    for value in values:
        for morsel in SimpleCookie(value).values():
            morsel["path"] = morsel["path"] or "/"
            yield _encode(morsel.OutputString())
