"""Where the facts of each notification stand on the log."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

from engine.processor import Put, projection
from schemas.event import Envelope
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationDue,
    NotificationFailed,
    NotificationPostponed,
    NotificationRequested,
    NotificationSent,
    NotificationUnknown,
    NotificationWanted,
    NotificationWithheld,
    NotificationWritten,
)

table: Final = Table(
    "notify_evidence",
    MetaData(),
    Column("partition", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("notification_id", Text, nullable=False),
    Column("first", BigInteger, nullable=False),  # 0 for what is wanted, which stands on another partition.
    Index(None, "notification_id"),
)

Fact = (
    NotificationWanted
    | NotificationRequested
    | NotificationDue
    | NotificationPostponed
    | NotificationWithheld
    | NotificationWritten
    | NotificationSent
    | NotificationDelivered
    | NotificationBounced
    | NotificationFailed
    | NotificationUnknown
)


def find(event: Fact, cause: Envelope) -> list[Put]:
    place = {"partition": cause.partition, "position": cause.position}
    first = 0 if isinstance(event, NotificationWanted) else 1
    return [Put(place | {"notification_id": event.notification_id, "first": first})]


evidence: Final = projection("notify.evidence", table, find)
