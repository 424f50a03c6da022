"""What may be asked for of a new key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.web.fields import Line, RequestModel

KeyName = Annotated[Line, StringConstraints(max_length=100, pattern=r"\S")]


class KeyRequest(RequestModel):
    """Who the key is for, told to people only, and what it may do."""

    name: KeyName
    scopes: Annotated[list[Literal["send", "read", "admin"]], Field(min_length=1, max_length=3)]
