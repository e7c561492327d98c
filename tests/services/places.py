"""The house's parts on a real engine: SQLite, and Kafka with PostgreSQL, so that what holds on one holds on both."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import ClassVar, Final

from draad.parts import PARTS
from engine.engine import Engine
from schemas.event import Event, fact
from schemas.jsonschema import topics
from services.desk.story import story
from tests.contract.places import MONDAY, KafkaPlace, MemoryPlace, Place, SqlitePlace


class HousePlace(KafkaPlace):
    """Kafka with the topics of the house."""

    TOPICS: ClassVar[tuple[str, ...]] = tuple(topics())


ENGINES: Final[Mapping[str, Callable[[Path], Place]]] = {
    "sqlite": SqlitePlace,
    "kafka": partial(HousePlace, partitions=2),
}


@asynccontextmanager
async def engine_at(place: Place) -> AsyncIterator[Engine]:
    engine = await place.open()
    try:
        yield engine
    finally:
        await engine.close()
        await place.close()


@asynccontextmanager
async def in_memory(seed: int = 1) -> AsyncIterator[Engine]:
    async with engine_at(MemoryPlace(Path(), seed)) as engine:
        yield engine


async def tell(engine: Engine, *events: Event, random: Random | None = None) -> None:
    """These happen; and everybody has seen them."""
    await engine.append(*(fact(event, key=f"{event.type} {nth} {event.at}") for nth, event in enumerate(events)))
    await engine.settle(*PARTS, random=random)


async def lines(engine: Engine, subject: str) -> Sequence[tuple[str, str, bool]]:
    """A whole story, newest first: what happened, in which words, and whether it is surely theirs."""
    told = await story(engine, subject)
    return [(entry.row["type"], entry.row["text"] or entry.row["word"], entry.sure) for entry in told.entries]


__all__ = ["ENGINES", "MONDAY", "engine_at", "in_memory", "lines", "tell"]
