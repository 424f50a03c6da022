"""The query options of a list of messages, as far as the local Graph answers them.

Graph refuses what it does not understand; so does this, for everything that ``graph.mail`` does
not need. OData strings stand in single quotes and double a quote inside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import GraphRefusal, bad_query
from .resources import MESSAGE_PROPERTIES, normal_property_id

LARGEST_PAGE = 1000
_STRING = r"'((?:[^']|'')*)'"
_BY_PROPERTY = re.compile(
    rf"^\s*singleValueExtendedProperties/any\(\s*(\w+)\s*:"
    rf"\s*(\w+)/id\s+eq\s+{_STRING}\s+and\s+(\w+)/value\s+eq\s+{_STRING}\s*\)\s*$",
    re.IGNORECASE,
)
_RECEIVED_SINCE = re.compile(r"^\s*receivedDateTime\s+ge\s+(\S+)\s*$")
_BY_INTERNET_MESSAGE_ID = re.compile(rf"^\s*internetMessageId\s+eq\s+{_STRING}\s*$")
_EXPAND = re.compile(
    rf"^\s*singleValueExtendedProperties\(\s*\$filter\s*=\s*id\s+eq\s+{_STRING}\s*\)\s*$"
)
_ORDER = re.compile(r"^\s*receivedDateTime(?:\s+(asc|desc))?\s*$")
_OPTIONS = frozenset({"$filter", "$select", "$top", "$skip", "$expand", "$orderby"})


@dataclass(frozen=True)
class Query:
    """What is asked for. ``by_property`` is an extended property's (id, value)."""

    by_property: tuple[str, str] | None = None
    by_internet_message_id: str | None = None
    received_since: str | None = None
    select: frozenset[str] | None = None
    top: int = 10
    skip: int = 0
    expand_property: str | None = None
    newest_first: bool = True


def read_query(options: Mapping[str, str]) -> Query:
    """Parse the ``$`` options of a request.

    Raises:
        GraphRefusal: 400 for an option, filter or order that is not served.
    """
    for name in options:
        if name.startswith("$") and name.lower() not in _OPTIONS:
            raise bad_query(f"The query option '{name}' is not supported.")
    given = {name.lower(): value for name, value in options.items()}
    filtered = _filter(given.get("$filter"))
    if filtered and "received_since" not in filtered and "$orderby" in given:
        # Graph wants every property of $orderby in $filter too, and first.
        raise GraphRefusal(
            400,
            "InefficientFilter",
            "The restriction or sort order is too complex for this operation.",
        )
    return Query(
        **filtered,
        select=_select(given.get("$select")),
        top=_number(given, "$top", 10, least=1, most=LARGEST_PAGE),
        skip=_number(given, "$skip", 0, least=0, most=10**9),
        expand_property=_expand(given.get("$expand")),
        newest_first=_newest_first(given.get("$orderby")),
    )


def _filter(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    by_id = _BY_INTERNET_MESSAGE_ID.match(text)
    if by_id is not None:
        return {"by_internet_message_id": _unquoted(by_id[1])}
    since = _RECEIVED_SINCE.match(text)
    if since is not None:
        return {"received_since": _instant(since[1])}
    match = _BY_PROPERTY.match(text)
    if match is None or not match[1] == match[2] == match[4]:
        raise GraphRefusal(
            400, "BadRequest", f"Invalid filter clause, or one the local Graph lacks: {text}"
        )
    return {"by_property": (normal_property_id(_unquoted(match[3])), _unquoted(match[5]))}


def _instant(text: str) -> str:
    """An instant of OData, in the form in which messages keep theirs."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise GraphRefusal(400, "BadRequest", f"Invalid filter clause: '{text}' is no instant.")
    # Messages have whole seconds: one of that second is not before a part of it.
    up = instant.astimezone(UTC) + timedelta(microseconds=999_999)
    return up.strftime("%Y-%m-%dT%H:%M:%SZ")


def _select(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    names = frozenset(name.strip() for name in text.split(","))
    for name in sorted(names - MESSAGE_PROPERTIES):
        raise bad_query(
            f"Could not find a property named '{name}' on type 'microsoft.graph.message'."
        )
    return names


def _expand(text: str | None) -> str | None:
    if text is None:
        return None
    match = _EXPAND.match(text)
    if match is None:
        raise bad_query(f"The local Graph does not expand '{text}'.")
    return normal_property_id(_unquoted(match[1]))


def _newest_first(text: str | None) -> bool:
    if text is None:
        return True
    match = _ORDER.match(text)
    if match is None:
        raise bad_query(f"The local Graph does not order by '{text}'.")
    return match[1] == "desc"


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,10}", text) or not least <= int(text) <= most:
        raise GraphRefusal(
            400,
            "BadRequest",
            f"Invalid value '{text}' for {name} query option found. The {name} query option "
            f"requires an integer from {least} to {most}.",
        )
    return int(text)


def _unquoted(text: str) -> str:
    return text.replace("''", "'")
