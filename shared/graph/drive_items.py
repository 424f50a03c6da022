"""Files in a drive as Graph tells of them, and whether one is the file that we mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.graph.errors import Ambiguous, NameTaken
from shared.graph.quickxor import QuickXor
from shared.graph.uploads import PIECE_UNIT, Source

if TYPE_CHECKING:
    import httpx
    from msgraph.generated.models.drive_item import DriveItem as SdkItem

PIECE_BYTES = 16 * PIECE_UNIT
"""5 MiB: Microsoft advises 5 to 10, and so much of a file is in memory."""


@dataclass(frozen=True)
class DriveItem:
    """A file in a drive. ``quick_xor_hash`` is None while the drive has not made one.

    ``folder_id`` is the folder it is in, for those who delete the folder with it.
    """

    id: str
    name: str
    size: int
    quick_xor_hash: str | None
    folder_id: str | None


@dataclass(frozen=True)
class Link:
    """A link for everybody. An existing link of the file is answered as it is, so ``expires_at``
    (None: never) can differ from what was asked for."""

    url: str
    expires_at: datetime | None


async def adopted(found: DriveItem, source: Source) -> DriveItem:
    """``found``, which must have the source's content already.

    Where the drive has no hash yet, the size has to do: the path is nobody else's.

    Raises:
        NameTaken: it is another file.
    """
    same = found.size == source.size
    if same and found.quick_xor_hash is not None:
        hasher = QuickXor()
        for start in range(0, source.size, PIECE_BYTES):
            hasher.update(await source.read(start, min(PIECE_BYTES, source.size - start)))
        same = hasher.text() == found.quick_xor_hash
    if not same:
        raise NameTaken(
            "Could not upload a file: its name belongs to another one.",
            409,
            "nameAlreadyExists",
            "",
        )
    return found


def from_sdk(item: SdkItem | None) -> DriveItem:
    """The SDK's item as ours."""
    if item is None or not item.id or item.size is None:
        raise Ambiguous("Graph answered for a file without its id or size.")
    hashes = item.file.hashes if item.file is not None else None
    parent = item.parent_reference
    return DriveItem(
        id=item.id,
        name=item.name or "",
        size=item.size,
        quick_xor_hash=hashes.quick_xor_hash if hashes is not None else None,
        folder_id=parent.id if parent is not None else None,
    )


def from_answer(answer: httpx.Response) -> DriveItem:
    """The item in an answer that was asked for without the SDK."""
    try:
        found = answer.json()
        return DriveItem(
            id=found["id"],
            name=found["name"],
            size=found["size"],
            quick_xor_hash=_hash_in(found),
            folder_id=(found.get("parentReference") or {}).get("id"),
        )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Ambiguous("Graph's answer to the end of an upload is unreadable.") from error


def _hash_in(found: dict[str, Any]) -> str | None:
    hashes = (found.get("file") or {}).get("hashes") or {}
    text = hashes.get("quickXorHash")
    return text if isinstance(text, str) else None
