"""Uploads and taking files back over HTTP; files on their way to OneDrive and away, by queue."""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING

import azure.functions as func

from shared.errors import Problem, Refusal, Transient
from shared.organizations import Organization
from shared.service import Service, service, utc_now
from shared.storage.names import UPLOAD_QUEUE
from shared.telemetry import work
from shared.web.answers import answer_json, answering
from shared.web.requests import json_body, message_id_of, only_params, parse

if TYPE_CHECKING:
    from shared.attachments.onedrive import Porter

blueprint = func.Blueprint()
log = logging.getLogger(__name__)


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


@blueprint.route(
    route="api/orgs/{org}/messages/{id}/attachments/{attachment}",
    methods=["DELETE"],
    auth_level=func.AuthLevel.ANONYMOUS,
)
@answering
async def take_attachment_back(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a followed file back: 204, also when it was taken back before."""
    running = service()
    caller = await running.caller(req)
    caller.require("send")
    only_params(req)
    from shared.attachments.withdraw import withdraw
    from shared.messages.reading import read_seen

    organization, message = caller.organization, message_id_of(req)
    found = (await read_seen(organization, message, caller.sees_own_or_followed)).message
    caller.require_own(found.seller, found.from_)
    text = req.route_params["attachment"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and str(int(text)) == text):
        raise Refusal(404, "The message has no such followed attachment.")
    await withdraw(
        organization,
        message,
        int(text),
        now=utc_now(),
        new_id=lambda: uuid.uuid4().hex,
        upload=running.uploader(organization),
    )
    return func.HttpResponse(status_code=204)


@blueprint.queue_trigger(arg_name="msg", queue_name=UPLOAD_QUEUE, connection="AzureWebJobsStorage")
async def settle_file(msg: func.QueueMessage) -> None:
    """Brings one followed file where it shall be: to OneDrive, or away from there."""
    from shared.attachments.onedrive import settle

    running = service()
    word = json.loads(msg.get_body())
    organization = running.organizations.get(word["organization"])
    if organization is None:
        log.warning("a file of %s waits; there is no such organization", word["organization"])
        return
    with work("settle_file", organization=organization.id, message=word["message"]):
        try:
            seconds = await settle(_porter(running, organization), word["message"], word["file"])
        except Transient as error:
            # An outage is no reason to give a file up.
            log.warning("a file of message %s waits: %s", word["message"], error)
            seconds = 30.0
        if seconds is not None:
            await running.queues.send(UPLOAD_QUEUE, word, delay=seconds)


@blueprint.queue_trigger(
    arg_name="msg", queue_name=f"{UPLOAD_QUEUE}-poison", connection="AzureWebJobsStorage"
)
async def end_unsettled_file(msg: func.QueueMessage) -> None:
    """A file that broke its function again and again: its message ends as failed, and says so."""
    from shared.attachments.onedrive import end_as_refused

    running = service()
    word = json.loads(msg.get_body())
    organization = running.organizations.get(word["organization"])
    if organization is not None:
        await end_as_refused(_porter(running, organization), word["message"], word["file"])


def _porter(running: Service, organization: Organization) -> Porter:
    from shared.attachments.onedrive import Porter

    return Porter(
        organization=organization,
        drive=running.drive(organization),
        clock=utc_now,
        deliver=running.deliverer(organization),
    )
