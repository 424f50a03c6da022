"""Reading what callers send: bodies, query values, cursors. What is wrong raises `Refusal`."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from datetime import datetime
from typing import Any, TypeVar

import azure.functions as func

from shared.errors import Problem, Refusal
from shared.web.answers import MOST_PROBLEMS

LARGEST_BODY = 8 * 1024 * 1024
_MOST_ITEMS = 200
_DEEPEST = 50
"""Levels of nesting; what reads a request further on would meet its own limit somewhere above."""

_TOO_DEEP = "The request is nested too deeply."
T = TypeVar("T")


def json_body(req: func.HttpRequest, largest: int = LARGEST_BODY) -> dict[str, Any]:
    """The body as a JSON object; 413 where it is too large, 400 where it is not one."""
    body = req.get_body()
    if len(body) > largest:
        raise Refusal(
            413, f"The request has {len(body):,} bytes; at most {largest:,} are accepted."
        )
    try:
        # RFC 8259 lets a reader pass over a byte order mark, and programs on Windows send one.
        value = json.loads(
            body.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_object
        )
    except UnicodeDecodeError:
        raise Refusal(400, "The request is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise Refusal(400, f"The request is not JSON: {error}.") from None
    except RecursionError:
        raise Refusal(400, _TOO_DEEP) from None
    except ValueError:
        # What Python says here is about a limit of its own.
        raise Refusal(400, "The request has a number with too many digits.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The request must be a JSON object.")
    if _deeper_than(value, _DEEPEST):
        raise Refusal(400, _TOO_DEEP)
    return value


def parse(model: type[T], value: dict[str, Any]) -> T:
    """The value as a request model (pydantic); 422 with a pointer to everything that is wrong."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(model).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        wrongs = error.errors(include_url=False, include_input=False)
        if wrongs[0]["type"] == "json_invalid":
            # The one thing our own reading lets through: half of a surrogate pair.
            raise Refusal(400, "The request is not JSON: a text in it is not Unicode.") from None
        problems = tuple(
            Problem(_pointer(wrong["loc"]), _sentence(dict(wrong)))
            for wrong in wrongs[:MOST_PROBLEMS]
        )
        raise Refusal(422, "The request has mistakes; see errors.", problems) from None


def message_id_of(req: func.HttpRequest) -> str:
    """The message id in the path; anything that cannot be one is not found."""
    text: str = req.route_params["id"]
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise Refusal(404, "There is no such message.")
    return text


def limit_of(req: func.HttpRequest, default: int = 50) -> int:
    text = req.params.get("limit", "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _MOST_ITEMS:
        raise Refusal(422, f"limit must be a number from 1 to {_MOST_ITEMS}, not {text!r}.")
    return int(text)


def cursor_of(req: func.HttpRequest) -> str:
    """Where a list goes on, as `cursor_for` wrote it; the empty text is the beginning."""
    text = req.params.get("cursor", "")
    try:
        cursor = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        cursor = "\0"
    if not (cursor.isascii() and cursor.isprintable()) or cursor_for(cursor) != text.rstrip("="):
        raise Refusal(422, "This cursor is none of ours; use the one from the page before.")
    return cursor


def cursor_for(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).rstrip(b"=").decode()


def instant_of(req: func.HttpRequest, name: str) -> datetime | None:
    """A query value as an instant with its offset (RFC 3339)."""
    text = req.params.get(name, "")
    if not text:
        return None
    try:
        # A "+" of an offset that was not percent-encoded arrives as a space.
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Refusal(
            422,
            f"{name} must be a time with its offset, like 2026-11-25T09:00:00-03:00, not {text!r}.",
        )
    return instant


def one_of(req: func.HttpRequest, name: str, allowed: tuple[str, ...]) -> str | None:
    text: str = req.params.get(name, "")
    if not text:
        return None
    if text not in allowed:
        raise Refusal(422, f"{name} must be one of {', '.join(allowed)}, not {text!r}.")
    return text


def flag_of(req: func.HttpRequest, name: str) -> bool | None:
    text = one_of(req, name, ("true", "false"))
    return None if text is None else text == "true"


def only_params(req: func.HttpRequest, *known: str) -> None:
    """Refuses query values nobody reads: a misspelled filter must not answer everything."""
    unknown = sorted(set(req.params) - set(known))
    if unknown:
        read = f"Known are {', '.join(known)}." if known else "There are none here."
        raise Refusal(422, f"Unknown query value: {', '.join(unknown)}. {read}")


def _pointer(loc: tuple[str | int, ...]) -> str:
    """A pydantic location as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in loc)


def _sentence(wrong: dict[str, Any]) -> str:
    if wrong["type"] == "extra_forbidden":
        return "This field is not known here."
    if wrong["type"] == "missing":
        return "This field is required."
    message: str = wrong["msg"].removeprefix("Value error, ")
    return message if message.endswith(".") else message + "."


def _no_constant(name: str) -> Any:
    raise Refusal(400, f"The request is not JSON: {name} is not a number there.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; one that says something twice would be read one way here, another elsewhere.

    (RFC 8259 §4: the names should be unique, what happens otherwise is unpredictable.)
    """
    value = dict(pairs)
    if len(value) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise Refusal(400, f"The request says {twice!r} twice in one object.")
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    inside = [value]
    for _ in range(levels):
        inside = [
            inner
            for outer in inside
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(inside)
