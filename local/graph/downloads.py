"""How a stranger's file is handed to a browser: as itself, and never as a page of this origin."""

from __future__ import annotations

import re
from urllib.parse import quote

_IMAGE = re.compile(r"image/(?:png|jpeg|gif|webp|bmp)")


def download_headers(name: str, kind: str) -> dict[str, str]:
    """The headers for a file of that name; only an image is shown, all else is saved."""
    shown = _IMAGE.fullmatch(kind) is not None
    return {
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; "
        f"filename*=utf-8''{quote(name)}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Type": kind if shown else "application/octet-stream",
        "X-Content-Type-Options": "nosniff",
    }
