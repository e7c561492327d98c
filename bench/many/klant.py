"""Desk tools on many machines: the same as on one, over Kafka and PostgreSQL, all on the same cores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import klant
from bench.many.stories import Town, analyzed, opened
from engine.cluster import Cluster
from engine.engine import Engine
from infra.servers import Kafka, Postgres


async def run(contacts: int = klant.CONTACTS) -> None:
    with Kafka(lasting=True) as kafka, Postgres() as postgres:
        town, made = Town(kafka, postgres), list[Cluster]()

        @asynccontextmanager
        async def log() -> AsyncIterator[Engine]:
            made.append(await town.made())
            async with opened(made[-1]) as engine:
                yield engine

        async def filled() -> None:
            await analyzed(made[-1].database)

        await klant.measure(log, contacts, filled)
