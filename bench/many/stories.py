"""Stories on many machines: a page of a party's and of a case's, and from a contact coming in to its being seen.

The bare loop asks PostgreSQL itself for the same rows by their keys, on one connection, and makes a mapping of each.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from time import perf_counter
from typing import Final

import asyncpg

from bench.figures import head
from bench.rivals.stage import Place, stage_at
from bench.stories import (
    ADDRESSES,
    ASKED,
    AT_ONCE,
    PARTY_CONTACTS,
    PER_ADDRESS,
    PER_CASE,
    Key,
    compare,
    fill,
    live,
)
from engine.cluster import Cluster
from engine.engine import Engine, utc_now
from engine.kafka import KafkaStore
from infra.servers import Kafka, Postgres
from schemas.jsonschema import topics
from services.desk.entry import entry
from services.desk.story import PAGE_MAX

PARTITIONS: Final = 4


class Town:
    """Servers, and deployments on them, each with topics and a database of its own."""

    def __init__(self, kafka: Kafka, postgres: Postgres) -> None:
        self._kafka, self._postgres, self._numbers = kafka, postgres, count()

    async def made(self) -> Cluster:
        name = f"bench{next(self._numbers)}"
        async with stage_at(Place(self._kafka.address, PARTITIONS)) as stage:
            for topic in topics():
                await stage.topic(f"{name}.{topic}")
        db = await asyncpg.connect(self._postgres.url())
        await db.execute(f"CREATE DATABASE {name}")
        await db.close()
        return Cluster(self._kafka.address, self._postgres.url(name), topics(), prefix=f"{name}.")

    @asynccontextmanager
    async def log(self) -> AsyncIterator[Engine]:
        async with opened(await self.made()) as engine:
            yield engine


@asynccontextmanager
async def opened(cluster: Cluster) -> AsyncIterator[Engine]:
    engine = Engine(await KafkaStore.open(cluster, utc_now))
    try:
        yield engine
    finally:
        engine.stop()
        await engine.close()


async def run(contacts: int = PARTY_CONTACTS) -> None:
    with Kafka(lasting=True) as kafka, Postgres() as postgres:
        town = Town(kafka, postgres)
        head(f"Many machines: a page of {PAGE_MAX} of a story, {AT_ONCE} asking at once, among {contacts:,} contacts")
        cluster = await town.made()
        async with opened(cluster) as engine:
            await fill(engine, contacts)
            await analyzed(cluster.database)
            bare = partial(by_key, cluster.database, (await engine.table(entry)).name)
            parties = [f"party/p{n}" for n in range(contacts // (PER_ADDRESS * ADDRESSES))]
            cases = [f"case/k{n}" for n in range(contacts // (PER_CASE * 10))]
            for what, subjects in (("party", parties), ("case", cases)):
                await compare(engine, bare, f"a {what}'s", subjects)
        await live(town.log)


async def analyzed(database: str) -> None:
    """Let it count its rows, as it does by itself within a minute: before that it guesses."""
    db = await asyncpg.connect(database)
    await db.execute("ANALYZE")
    await db.close()


async def by_key(database: str, table: str, keys: Sequence[Key]) -> float:
    """Pages a second."""
    query = (
        f"SELECT * FROM {table} JOIN unnest($1::text[], $2::bigint[]) AS k (name, at)"
        " ON partition = k.name AND position = k.at"
    )
    db = await asyncpg.connect(database)
    try:
        began = perf_counter()
        for nth in range(ASKED):
            page = keys[nth % len(keys)]
            rows = await db.fetch(query, [name for name, _ in page], [at for _, at in page])
            assert len([dict(row) for row in rows]) == len(page)
            await asyncio.sleep(0)
        return ASKED / (perf_counter() - began)
    finally:
        await db.close()
