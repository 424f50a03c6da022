"""The drives of the sellers: OneDrive for Business, with the files and folders in them.

Names are compared without regard to case, as there. Folders come with the first file in them.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
import secrets
import sqlite3
import uuid
from datetime import datetime

from .errors import GraphRefusal
from .mailboxes import SELLERS, graph_time
from .store import Store

LONGEST_PATH = 400
LONGEST_NAME = 255
_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f\x7f]')
_RESERVED = re.compile(
    r"^(?:\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini|~\$.*|.*_vti_.*)$", re.IGNORECASE
)


def drive_id(owner: str) -> str:
    """A drive's id, as long as OneDrive's own; the same on every start."""
    digest = hashlib.sha512(b"drive of " + owner.encode()).digest()
    return "b!" + base64.urlsafe_b64encode(digest[:48]).decode()


_OWNERS = {drive_id(address): address for address in SELLERS}


def drive_of(user: str) -> str:
    """The owner's address.

    Raises:
        GraphRefusal: 404, there is no such drive.
    """
    if user.lower() not in SELLERS:
        raise GraphRefusal(404, "ResourceNotFound", "User's mysite not found.")
    return user.lower()


def owner_of(drive: str) -> str:
    if drive not in _OWNERS:
        raise GraphRefusal(404, "itemNotFound", "The requested drive was not found.")
    return _OWNERS[drive]


def site_of(owner: str) -> str:
    """The owner's part of an address on the OneDrive host: ``ana_contoso_com``."""
    return re.sub(r"[^a-z0-9]", "_", owner)


def root_id(owner: str) -> str:
    return _item_id(hashlib.sha256(b"root of " + owner.encode()).digest()[:20])


def check_path(path: str) -> None:
    """Refuse a path that OneDrive would refuse.

    Raises:
        GraphRefusal: 400 ``invalidRequest``.
    """
    names = path.split("/")
    if len(path) > LONGEST_PATH:
        raise _invalid("The path is longer than the 400 characters that are allowed.")
    for name in names:
        unfit = _FORBIDDEN.search(name) or _RESERVED.match(name) or name != name.strip()
        if not name or unfit or name.endswith(".") or len(name) > LONGEST_NAME:
            raise _invalid(
                "The provided name cannot be used: it has characters or a form that "
                "OneDrive does not allow."
            )


def find(store: Store, owner: str, item: str) -> sqlite3.Row:
    """The file or folder with that id.

    Raises:
        GraphRefusal: 404 ``itemNotFound``.
    """
    return _there(store.row("SELECT * FROM drive_items WHERE owner = ? AND id = ?", owner, item))


def find_by_path(store: Store, owner: str, path: str) -> sqlite3.Row:
    return _there(_at(store, owner, path))


def refuse_taken(store: Store, owner: str, path: str) -> None:
    """Raises 409 ``nameAlreadyExists`` where something has that name."""
    if _at(store, owner, path) is not None:
        raise GraphRefusal(409, "nameAlreadyExists", "The specified item name already exists.")


def add_file(
    store: Store, owner: str, path: str, content: str, size: int, quick_xor: str, now: datetime
) -> sqlite3.Row:
    """Put a file into the drive, in a transaction of the caller's; makes its folders.

    Raises:
        GraphRefusal: 409 where the name is taken.
    """
    refuse_taken(store, owner, path)
    names = path.split("/")
    for depth in range(1, len(names)):
        folder = "/".join(names[:depth])
        found = _at(store, owner, folder)
        if found is None:
            _insert(store, owner, folder, now, is_folder=1)
        elif not found["is_folder"]:
            raise _invalid("A file stands where the path names a folder.")
    _insert(store, owner, path, now, content=content, size=size, quick_xor_hash=quick_xor)
    return find_by_path(store, owner, path)


def delete(store: Store, owner: str, item: str) -> None:
    """The file is gone, or the folder with all that is in it."""
    row = find(store, owner, item)
    below = row["folded_path"] + "/"
    gone = "owner = ? AND (key = ? OR substr(folded_path, 1, ?) = ?)"
    values = (owner, row["key"], len(below), below)
    contents = store.rows(f"SELECT content FROM drive_items WHERE {gone}", *values)
    with store.transaction():
        store.run(f"DELETE FROM drive_items WHERE {gone}", *values)
    store.contents.remove(r["content"] for r in contents)


def files(store: Store, owner: str) -> list[sqlite3.Row]:
    return store.rows(
        "SELECT * FROM drive_items WHERE owner = ? AND NOT is_folder ORDER BY key", owner
    )


def parent_id(store: Store, row: sqlite3.Row) -> str:
    folder = row["path"].rpartition("/")[0]
    if not folder:
        return root_id(row["owner"])
    found: str = _there(_at(store, row["owner"], folder))["id"]
    return found


def kind_of(name: str) -> str:
    """The media type OneDrive gives a file, by its name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _at(store: Store, owner: str, path: str) -> sqlite3.Row | None:
    return store.row(
        "SELECT * FROM drive_items WHERE owner = ? AND folded_path = ?", owner, path.casefold()
    )


def _there(row: sqlite3.Row | None) -> sqlite3.Row:
    if row is None:
        raise GraphRefusal(404, "itemNotFound", "The resource could not be found.")
    return row


def _insert(store: Store, owner: str, path: str, now: datetime, **columns: object) -> None:
    store.insert(
        "drive_items",
        owner=owner,
        path=path,
        folded_path=path.casefold(),
        id=_item_id(secrets.token_bytes(20)),
        unique_id=str(uuid.uuid4()).upper(),
        secret=secrets.token_hex(16),
        at=graph_time(now),
        **columns,
    )


def _item_id(data: bytes) -> str:
    return "01" + base64.b32encode(data).decode()


def _invalid(message: str) -> GraphRefusal:
    return GraphRefusal(400, "invalidRequest", message)
