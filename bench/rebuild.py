"""How fast a read model is made again from a long log."""

from time import perf_counter

from sqlalchemy import Column, Integer, MetaData, Table, Text

from bench.figures import head, say
from bench.load import contacts, engine_on, folder
from engine.processor import Drop, Put, projection
from schemas.contact import ContactReceived
from schemas.event import Envelope

EVENTS = 1_000_000
RUNS = 5

table = Table(
    "bench_contacts",
    MetaData(),
    Column("subject", Text, primary_key=True),
    Column("at", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("contact_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    sqlite_with_rowid=False,
)


def show(event: ContactReceived, envelope: Envelope) -> list[Put | Drop]:
    row = {
        "subject": envelope.subject,
        "at": event.at.isoformat(),
        "position": envelope.position,
        "contact_id": event.contact_id,
        "channel": event.channel,
    }
    return [Put(row)]


view = projection("bench.contacts", table, show)


async def run(events: int = EVENTS) -> None:
    head(f"Rebuild of a read model with a row in a random place, over {events:,} events")
    rates = []
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            for batch in contacts(0, events):
                await engine.append(*batch)
            await engine.settle(view)
            for _ in range(RUNS):
                await engine.rebuild(view.name)
                began = perf_counter()
                await engine.settle(view)
                rates.append(events / (perf_counter() - began))
    say("rebuild", rates, "events/s")
