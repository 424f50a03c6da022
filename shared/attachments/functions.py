"""Uploads over HTTP."""

from __future__ import annotations

import uuid

import azure.functions as func

from shared.errors import Problem, Refusal
from shared.service import service, utc_now
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, only_params, parse

blueprint = func.Blueprint()


@blueprint.route(
    route="api/orgs/{org}/uploads", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS
)
@answering
async def uploads(req: func.HttpRequest) -> func.HttpResponse:
    """An address to put the bytes of a file to, straight to storage; then its id stands for it."""
    caller = await service().caller(req)
    caller.require("send")
    only_params(req)
    body = json_body(req, largest=64 * 1024)
    from shared.attachments.requests import UploadRequest, media_type_of
    from shared.attachments.uploads import LARGEST_UPLOAD, OPEN_FOR, Upload, open_upload
    from shared.messages.rows import instant_text

    request = parse(UploadRequest, body)
    if request.size > LARGEST_UPLOAD:
        megabytes = LARGEST_UPLOAD // (1024 * 1024)
        raise Refusal(
            413,
            f"A file may have up to {megabytes} MB.",
            (Problem("/size", f"Larger than {megabytes} MB."),),
        )
    upload = Upload(
        id=uuid.uuid4().hex,
        name=request.name,
        content_type=request.content_type or media_type_of(request.name),
        size=request.size,
        made_at=utc_now(),
    )
    url = await open_upload(caller.organization, upload)
    expires_at = instant_text(upload.made_at + OPEN_FOR)
    return answer_json({"id": upload.id, "url": url, "expiresAt": expires_at}, 201)
