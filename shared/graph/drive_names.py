"""Names as OneDrive and SharePoint allow them."""

from __future__ import annotations

import re

LONGEST_NAME = 128
"""Characters. OneDrive takes 255, and 400 for the whole path, which holds ids of ours, too."""
_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f\x7f\ud800-\udfff]|_(?=vti_)', re.IGNORECASE)
_RESERVED = re.compile(
    r"^(?:\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini|~\$.*)$", re.IGNORECASE
)


def drive_name(text: str) -> str:
    """A file's name as OneDrive allows it: most stay as they are, the extension always does."""
    name = _FORBIDDEN.sub("_", text).strip().rstrip(".").strip()
    if _RESERVED.match(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    if len(name) > LONGEST_NAME and stem and len(extension) < 16:
        name = stem[: LONGEST_NAME - len(extension) - 1].rstrip(" .") + dot + extension
    return name[:LONGEST_NAME].rstrip(" .") or "file"
