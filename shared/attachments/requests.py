"""How callers give files: inside the request, or by an upload made before (rules S1, T5)."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from shared.attachments.uploads import UPLOAD_ID
from shared.errors import Problem
from shared.messages.files import MOST_FILES
from shared.model import Attachment
from shared.web.fields import Line, RequestModel

UNKNOWN_TYPE = "application/octet-stream"
_NOT_IN_A_NAME = frozenset('/\\"*:<>?|')


def _file_name(value: str) -> str:
    if value.strip(" .") != value or _NOT_IN_A_NAME & set(value):
        raise ValueError(
            'A file name has none of / \\ " * : < > ? | in it, and no space or dot at its ends'
        )
    return value


FileName = Annotated[
    Line, StringConstraints(min_length=1, max_length=200), AfterValidator(_file_name)
]
MediaType = Annotated[
    str,
    StringConstraints(
        max_length=127,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$",
    ),
]
ContentId = Annotated[str, StringConstraints(pattern=r"^[!-;=?-~]{1,200}$")]
"""What stands in `cid:` and, between < and >, in a Content-ID header (RFC 2392)."""


class AttachmentRequest(RequestModel):
    """A file of a message: `content` with its name, or the id of an `upload`."""

    name: FileName | None = None
    content_type: MediaType | None = None
    content: str | None = None
    upload: Annotated[str, StringConstraints(pattern=UPLOAD_ID)] | None = None
    follow: bool = False
    content_id: ContentId | None = None

    @property
    def kept(self) -> int | None:
        """The number of the stored file that this is, in the change of a message."""
        return None

    @property
    def media_type(self) -> str:
        return self.content_type or media_type_of(self.name or "")

    def decoded(self) -> bytes:
        """The bytes in `content`; raises ValueError where it is not base64 (RFC 4648 §4)."""
        return base64.b64decode(self.content or "", validate=True)


Attachments = Annotated[list[AttachmentRequest], Field(max_length=MOST_FILES)]


class AttachmentChange(AttachmentRequest):
    """A file of a changed message: a new one, or by its `id` one that it has already."""

    id: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}$")] | None = None

    @property
    def kept(self) -> int | None:
        return None if self.id is None else int(self.id)


AttachmentChanges = Annotated[list[AttachmentChange], Field(max_length=MOST_FILES)]


class UploadRequest(RequestModel):
    """A file that is about to be uploaded, so large."""

    name: FileName
    size: Annotated[int, Field(ge=1)]
    content_type: MediaType | None = None


def attachment_problems(
    attachments: Sequence[AttachmentRequest], stored: Mapping[int, Attachment]
) -> Iterator[Problem]:
    """What about the files of a message cannot be, without a look at storage; `stored` are those
    that it has, by their number."""
    known: set[str] = set()
    kept = [one.kept for one in attachments]
    for place, one in enumerate(attachments):
        where = f"/attachments/{place}"
        content_id = one.content_id
        if one.kept is not None:
            if one.kept not in stored:
                yield Problem(f"{where}/id", "The message has no such attachment.")
                continue
            if one.kept in kept[:place]:
                yield Problem(f"{where}/id", "This attachment is named twice.")
            if one.model_fields_set - {"id", "follow"}:
                yield Problem(where, "Of a file that stays only follow can be said.")
            content_id = stored[one.kept].content_id
        elif (one.content is None) == (one.upload is None):
            yield Problem(where, "A file comes either as content, or as the id of an upload.")
        elif one.content is not None:
            if one.name is None:
                yield Problem(f"{where}/name", "A file needs a name.")
            try:
                one.decoded()
            except (binascii.Error, ValueError):
                yield Problem(f"{where}/content", "This is not base64.")
        elif one.name is not None or one.content_type is not None:
            yield Problem(where, "The name and the type of an upload are those it was made with.")
        if content_id is not None:
            if one.follow:
                yield Problem(
                    f"{where}/follow", "A file that the body shows (contentId) cannot be followed."
                )
            if content_id in known:
                yield Problem(f"{where}/contentId", "Another file has this contentId.")
            known.add(content_id)


def media_type_of(name: str) -> str:
    """The media type that the name of a file suggests."""
    return mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
