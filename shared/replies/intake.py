"""Taking in what came: a received mail becomes events of the message that it answers."""

from __future__ import annotations

from shared.graph.inbox import Inbox, ReceivedMail
from shared.organizations import Organization


async def take_in(
    organization: Organization, inbox: Inbox, mailbox: str, mail: ReceivedMail
) -> None:
    """Recognize the mail, match it to a message of ours, and store the event.

    It may be given the same mail twice, also twice at once. `inbox` gives its MIME where that is
    needed. What is no answer to a message of ours is left alone.
    """
    raise NotImplementedError
