"""Messages that were sent an hour ago and are followed, as many as a measurement needs."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from bench.figures import under_way
from shared.messages.rows import CopyRow, MessageRow
from shared.messages.stored import create_message
from shared.model import FollowChoice, Kpis, Status, Step
from shared.organizations import Organization
from shared.service import utc_now

AT_ONCE = 8
SELLER = "ana@contoso.com"


async def new_messages(organization: Organization, count: int) -> list[str]:
    """Stores so many messages, each with one copy to one person; their ids."""
    ids = [uuid.uuid4().hex for _ in range(count)]
    left = iter(ids)

    async def store() -> None:
        for number, message in enumerate(left):
            await create_message(organization, *_message(message))
            if number % 100 == 0:
                under_way(f"storing {count} messages")

    await asyncio.gather(*(store() for _ in range(min(AT_ONCE, count))))
    return ids


def _message(id_: str) -> tuple[MessageRow, list[CopyRow]]:
    sent_at = utc_now() - timedelta(hours=1)
    message = MessageRow(
        id=id_,
        status=Status.SENT,
        seller=SELLER,
        from_=SELLER,
        subject="Offer",
        to_text="Li Wei",
        recipient_count=1,
        followed=True,
        follow_choice=FollowChoice.PREFERRED,
        reasons=(),
        language="en",
        accepted_at=sent_at - timedelta(seconds=5),
        sent_at=sent_at,
        kpis=Kpis(human_openers=0),
    )
    return message, [
        CopyRow(0, "li@example.com", Step.SENT, sent_at, sent_at - timedelta(seconds=2), sent_at)
    ]
