"""Draad among its neighbours. It is filled and read as Draad is; its worker is killed as they are."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Final

import asyncpg

from bench.rivals import draad_app
from bench.rivals.draad_app import cluster_of, topic_of, work_of
from bench.rivals.install import ROOT
from bench.rivals.jar import Orders, Told
from bench.rivals.rival import Rival
from bench.rivals.stage import Stage
from engine.engine import Engine, open_engine

READ_MAX: Final = 1_000


class Draad(Rival):
    """Its places and jars are in PostgreSQL. What it writes twice after a crash, its readers know by its sequence."""

    readers = ("of Draad", "of all that was written")

    def __init__(self, name: str) -> None:
        super().__init__(name, "draad", exact=True)
        self._kept = AsyncExitStack()
        self._engines: dict[tuple[str, str], Engine] = {}

    def prepare(self) -> None:
        """It is here."""

    def command(self, orders: Orders) -> list[str]:
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "bench.rivals.draad_app", orders.line()]

    def topic(self, name: str) -> str:
        return topic_of(name)

    async def fill(self, stage: Stage, orders: Orders, first: int, upto: int) -> None:  # noqa: ARG002  # Others do.
        engine, work = await self._engine(orders), work_of(orders)
        await engine.append(*(work.coin(number) for number in range(first, upto)))

    async def done(self, stage: Stage, orders: Orders) -> bool:  # noqa: ARG002  # As above.
        standings = await (await self._engine(orders)).standings()
        return all(not standing.behind for standing in standings if standing.task.name == orders.name)

    async def outcomes(self, stage: Stage, orders: Orders, *, committed: bool) -> AsyncIterator[Told]:
        if not committed:
            async for record in stage.read(orders.target, committed=False):
                yield draad_app.opened(record.value.decode())
            return
        engine = await self._engine(orders)
        for partition, end in (await engine.ends()).items():
            position = 0 if partition.startswith(orders.target.removeprefix(draad_app.PREFIX)) else end
            while found := await engine.read(position, READ_MAX, partition):
                position = found[-1].position
                for envelope in found:
                    yield draad_app.opened(envelope.data)

    async def close(self) -> None:
        await self._kept.aclose()

    async def _engine(self, orders: Orders) -> Engine:
        """The engine of whoever fills and reads, which runs no part of the work."""
        key = (orders.source, orders.target)
        if key not in self._engines:
            cluster = cluster_of(orders)
            await have_database(orders.database, cluster.database.rpartition("/")[2])
            opening = open_engine("kafka:", cluster=cluster)
            self._engines[key] = await self._kept.enter_async_context(opening)
        return self._engines[key]


async def have_database(url: str, name: str) -> None:
    db = await asyncpg.connect(url)
    try:
        with suppress(asyncpg.DuplicateDatabaseError):
            await db.execute(f'CREATE DATABASE "{name}"')
    finally:
        await db.close()
