"""What a subscriber was to be told, and was not, though it was tried for three days: until it is asked for again."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, Text

from engine.processor import Drop, Put, projection
from engine.work import stamp
from schemas.event import Envelope
from schemas.subscription import SubscriptionFailed, SubscriptionOwed

table: Final = Table(
    "undelivered",
    MetaData(),
    Column("subscription_id", Text(), primary_key=True),
    Column("event_id", Text(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("owed_at", Text, nullable=False),
    Column("failed_at", Text, nullable=False),
    Index(None, "subscription_id", "failed_at", "event_id"),
)


def keep(event: SubscriptionFailed | SubscriptionOwed, _cause: Envelope) -> list[Put | Drop]:
    key = {"subscription_id": event.subscription_id, "event_id": event.event_id}
    if isinstance(event, SubscriptionOwed):
        return [Drop(key)]  # Asked for again.
    said = {name: getattr(event, name) for name in ("kind", "about", "body", "reason")}
    return [Put({**key, **said, "owed_at": stamp(event.owed_at), "failed_at": stamp(event.at)})]


undelivered: Final = projection("status.undelivered", table, keep)
