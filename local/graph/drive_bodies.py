"""The bodies the requests to a drive take, checked like those of ``resources``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .resources import Instant, Resource


class UploadableProperties(Resource):
    graph_type = "driveItemUploadableProperties"
    odata_type: Literal["#microsoft.graph.driveItemUploadableProperties"] | None = Field(
        None, alias="@odata.type"
    )
    conflict_behavior: Literal["fail", "replace", "rename"] = Field(
        "replace", alias="@microsoft.graph.conflictBehavior"
    )
    name: str | None = None
    description: str | None = None
    file_size: int | None = None


class OpenDriveUpload(Resource):
    """The parameters of a drive item's ``createUploadSession``."""

    graph_type = "driveItem.createUploadSession"
    item: UploadableProperties | None = None
    defer_commit: bool | None = None


class CreateLink(Resource):
    """The parameters of the action of that name."""

    graph_type = "driveItem.createLink"
    type: str | None = None
    scope: str | None = None
    expiration_date_time: Instant | None = None
    password: str | None = None
    message: str | None = None
    retain_inherited_permissions: bool | None = None
    send_notification: bool | None = None
