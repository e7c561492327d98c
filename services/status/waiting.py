"""Which lanes wait for their next try: so that they need not wait any longer once their subscriber is back."""

from typing import Any, Final

from sqlalchemy import Column, Integer, MetaData, Select, Table, Text, select

from engine.processor import Drop, Put, projection
from engine.values import text
from schemas.event import Envelope
from schemas.subscription import (
    SubscriptionFailed,
    SubscriptionPostponed,
    SubscriptionTold,
    SubscriptionWithheld,
    SubscriptionWoken,
)

MANY: Final = 100  # That are looked up at once.

table: Final = Table(
    "subscriber_waiting",
    MetaData(),
    Column("subscription_id", Text, primary_key=True),
    Column("about", Text, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
)

Fact = SubscriptionPostponed | SubscriptionTold | SubscriptionFailed | SubscriptionWithheld | SubscriptionWoken


def wait(event: Fact, _cause: Envelope) -> list[Put | Drop]:
    """Not where it asked itself to be left alone for so long; nor is what found its lane full the one that waits."""
    key = {"subscription_id": event.subscription_id, "about": event.about}
    if isinstance(event, SubscriptionFailed) and event.reason == "crowded":
        return []
    if isinstance(event, SubscriptionPostponed) and not event.wait_s:
        return [Put(key | {"event_id": event.event_id, "attempt": event.attempt})]
    return [Drop(key)]


def after(row: Table) -> Select[Any]:
    """The next of one subscriber, in the order of their subjects."""
    here = row.c.subscription_id == text("subscription_id"), row.c.about > text("after")
    return select(row).where(*here).order_by(row.c.about).limit(MANY)


waiting: Final = projection("status.waiting", table, wait)
