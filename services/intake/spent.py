"""What left on the roads that cost money, day by day."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, String, Table, Text

from channels.days import day_of
from engine.processor import Put, projection
from schemas.event import Envelope
from schemas.message import MessageSent, MessageUnknown

PAID: Final = frozenset({"sms", "whatsapp"})

spent_table: Final = Table(
    "spent",
    MetaData(),
    Column("message_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("day", String(10), nullable=False),  # As it was here.
    Index(None, "day", "channel"),
)


def spend(event: MessageSent | MessageUnknown, _cause: Envelope) -> list[Put]:
    """Of what nobody knows whether it left, somebody may have to pay for."""
    said = {"message_id": event.message_id, "channel": event.channel, "day": day_of(event.at).isoformat()}
    return [Put(said)] if event.channel in PAID else []


spent: Final = projection("intake.spent", spent_table, spend)
