"""Subscriptions to what is created in a mailbox: made, renewed, removed.

While one is asked for, Graph calls both its addresses, which must repeat a token within 10 s. A
subscription to mail lives for at most 4,230 minutes (Graph documentation, "subscription resource").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.graph.client import GraphTenant, graph_client, load_sdk
from shared.graph.errors import Ambiguous, NotFound, translated
from shared.graph.queries import immutable_ids

if TYPE_CHECKING:
    from msgraph.generated.models.subscription import Subscription as SdkSubscription
    from msgraph.generated.subscriptions.subscriptions_request_builder import (
        SubscriptionsRequestBuilder,
    )

LIFE = timedelta(minutes=4200)
"""For how long a subscription is asked for: a little less than Graph allows, for clocks differ."""
LONGEST_CLIENT_STATE = 128
_SDK_MODULES = (
    "msgraph.generated.subscriptions.subscriptions_request_builder",
    "msgraph.generated.subscriptions.item.subscription_item_request_builder",
    "msgraph.generated.models.subscription",
)


@dataclass(frozen=True)
class Subscription:
    """A subscription as Graph keeps it."""

    id: str
    expires_at: datetime


@dataclass(frozen=True)
class Subscriptions:
    """The subscriptions of the deployment in one tenant.

    Every function raises `shared.graph.errors.GraphError`.
    """

    graph: GraphTenant

    async def create(
        self, mailbox: str, address: str, client_state: str, now: datetime
    ) -> Subscription:
        """Have `address` told of every message created in the mailbox, in all its folders.

        `NotFound` means that there is no such mailbox. Where the outcome is `Ambiguous` there may
        be one more subscription, that nobody renews: its news come twice until it expires.
        """
        subscriptions = await self._subscriptions()
        from msgraph.generated.models.subscription import Subscription as SdkSubscription

        wanted = SdkSubscription(
            change_type="created",
            notification_url=address,
            lifecycle_notification_url=address,
            resource=f"users/{mailbox}/messages",
            expiration_date_time=now + LIFE,
            client_state=client_state,
        )
        with translated("subscribe to a mailbox"):
            made = await subscriptions.post(wanted, request_configuration=immutable_ids())
        return _read(made)

    async def renew(self, id: str, now: datetime) -> Subscription:
        """Let it live on for `LIFE` from now; `NotFound` where it is there no more."""
        subscriptions = await self._subscriptions()
        from msgraph.generated.models.subscription import Subscription as SdkSubscription

        with translated("renew a subscription"):
            renewed = await subscriptions.by_subscription_id(id).patch(
                SdkSubscription(expiration_date_time=now + LIFE)
            )
        return _read(renewed)

    async def remove(self, id: str) -> None:
        """It is gone; one that was gone before is fine too."""
        subscriptions = await self._subscriptions()
        try:
            with translated("remove a subscription"):
                await subscriptions.by_subscription_id(id).delete()
        except NotFound:
            return

    async def _subscriptions(self) -> SubscriptionsRequestBuilder:
        client = await graph_client(self.graph)
        await load_sdk(*_SDK_MODULES)
        return client.subscriptions


def _read(found: SdkSubscription | None) -> Subscription:
    if found is None or not found.id or found.expiration_date_time is None:
        raise Ambiguous("Graph answered about a subscription without its id and its end.")
    return Subscription(found.id, found.expiration_date_time)
