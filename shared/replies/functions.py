"""Graph's webhook, the queue of what it told, and the timer that watches mailboxes.

The webhook checks a signature and says a word to the queue: Graph drops whoever answers slowly.
"""

from __future__ import annotations

import asyncio
import json
import logging

import azure.functions as func

from shared.errors import StorageUnavailable, Transient
from shared.graph.errors import GraphError
from shared.organizations import Organization
from shared.replies.notifications import (
    MOST_BYTES,
    PATH,
    ClientStates,
    News,
    handshake,
    read_news,
)
from shared.service import Service, service
from shared.storage.names import REPLIES_QUEUE
from shared.web.answers import SECURITY_HEADERS, answering
from shared.web.requests import json_body

blueprint = func.Blueprint()
log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 2.5
"""Graph counts an answer after 3 s as none (Graph documentation, change notifications)."""


@blueprint.route(route=PATH, methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@answering
async def graph_notifications(req: func.HttpRequest) -> func.HttpResponse:
    """What Microsoft Graph tells: 202 once it is on the queue. Believed by its client state."""
    token = req.params.get("validationToken")
    if token:
        return func.HttpResponse(
            handshake(token), mimetype="text/plain", charset="utf-8", headers=SECURITY_HEADERS
        )
    body = json_body(req, largest=MOST_BYTES)
    running = service()
    news, ignored = read_news(body, ClientStates(running.settings.signing_keys))
    if ignored:
        log.warning("%d notifications were not ours, and ignored", ignored)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await asyncio.gather(*(_say(running, one) for one in news))
    except TimeoutError:
        raise StorageUnavailable(f"queue {REPLIES_QUEUE} took too long") from None
    return func.HttpResponse(status_code=202, headers=SECURITY_HEADERS)


@blueprint.queue_trigger(arg_name="msg", queue_name=REPLIES_QUEUE, connection="AzureWebJobsStorage")
async def hear_from_graph(msg: func.QueueMessage) -> None:
    """Does what one notification asks for."""
    from shared.replies.watching import hear

    running = service()
    news = News.from_word(json.loads(msg.get_body()))
    organization = running.organizations.get(news.organization)
    if organization is None:
        return
    try:
        await hear(await running.watcher(organization), news)
    except (GraphError, Transient) as error:
        # The next look into the mailbox finds what this word told of.
        log.warning("news of %s are left to the next look: %s", organization.id, error)


@blueprint.timer_trigger(arg_name="timer", schedule="%WATCH_SCHEDULE%", use_monitor=False)
async def watch_mailboxes(timer: func.TimerRequest) -> None:
    """Keeps the subscriptions of every organization, and looks where nothing was told."""
    running = service()
    await asyncio.gather(*(_keep(running, one) for one in running.organizations.all()))
    log.info("the timer %s has run", "watch_mailboxes")


async def _keep(running: Service, organization: Organization) -> None:
    from shared.replies.watching import keep

    try:
        await keep(await running.watcher(organization))
    except Transient as error:
        log.warning("mailboxes of %s are not watched now: %s", organization.id, error)
    except Exception:
        log.exception("mailboxes of %s could not be watched", organization.id)


async def _say(running: Service, news: News) -> None:
    if running.organizations.get(news.organization) is not None:
        await running.queues.send(REPLIES_QUEUE, news.word())
