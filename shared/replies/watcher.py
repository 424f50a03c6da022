"""What watching an organization's mailboxes needs, put together for one run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.graph.inbox import Inbox, ReceivedMail
from shared.graph.subscriptions import Subscriptions
from shared.organizations import Organization, OrganizationSettings
from shared.replies.mailboxes import WatchedMailbox, is_wanted
from shared.replies.notifications import ClientStates
from shared.replies.pace import Pace

TakeIn = Callable[[Organization, Inbox, str, ReceivedMail], Awaitable[None]]
"""Makes events of a received mail: organization, where to read more of it, mailbox, mail."""


@dataclass(frozen=True)
class Watcher:
    """`address` is where Graph tells us; `owner` must be new for every run; a mailbox is asked
    every `look_every` should a notification have been lost."""

    organization: Organization
    settings: OrganizationSettings
    subscriptions: Subscriptions
    inbox: Inbox
    states: ClientStates
    pace: Pace
    address: str
    owner: str
    look_every: timedelta
    clock: Callable[[], datetime]
    take_in: TakeIn

    def wants(self, mailbox: WatchedMailbox) -> bool:
        """Whether replies to this mailbox are followed (rules F6, A2)."""
        return is_wanted(self.organization, self.settings, mailbox.address)
