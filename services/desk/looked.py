"""Who opened which story, or was refused a page, and when: a row each time that it was written down."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from engine.processor import Put, projection
from engine.work import stamp
from schemas.event import Envelope
from schemas.record import RecordOpened, RecordRefused
from services.desk.entry import KEY

table: Final = Table(
    "looked",
    MetaData(),
    Column("partition", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
    Column("about", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("looked_at", *KEY),
    Index("looked_about", "about", *KEY),
    Index("looked_agent", "agent_id", *KEY),
)


def look(event: RecordOpened | RecordRefused, cause: Envelope) -> list[Put]:
    where = {"partition": cause.partition, "position": cause.position}
    about, why = (event.about, event.why) if isinstance(event, RecordOpened) else (event.what, "refused")
    said = {"about": about, "agent_id": event.agent_id, "why": why}
    return [Put(where | said | {"at": stamp(event.at)})]


looked: Final = projection("desk.looked", table, look)
