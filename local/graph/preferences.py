"""The header ``Prefer`` of a request, as far as Graph's mail knows it."""

from __future__ import annotations

import re

from starlette.requests import Request

_PAGE_SIZE = re.compile(r"odata\.maxpagesize\s*=\s*(\d{1,6})", re.IGNORECASE)


def prefers_immutable_ids(request: Request) -> bool:
    """Whether ids shall survive a move to another folder."""
    return 'idtype="immutableid"' in _prefer(request).replace(" ", "").lower()


def preferred_page_size(request: Request) -> int | None:
    """How many items a page of a delta shall have at most."""
    match = _PAGE_SIZE.search(_prefer(request))
    return int(match[1]) if match else None


def _prefer(request: Request) -> str:
    return ", ".join(request.headers.getlist("prefer"))
