"""A worker process that runs the processor until it is killed.

    python -m bench.many.worker '{"servers": "127.0.0.1:9092", "database": "postgresql://…", "nth": 0}'

It says who it is once it is open and others can see it, and begins at a word from whoever started it.
"""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import structlog
import uvloop

from bench.many.load import SOURCE, TARGET, counting
from bench.rivals.install import ROOT
from draad.pace import collect_rarely
from engine.cluster import Cluster
from engine.engine import open_engine
from engine.kafka import KafkaStore

START_S_MAX: Final = 60


class Worker:
    """The process, for whoever starts, watches and kills it."""

    def __init__(self, process: asyncio.subprocess.Process, holder: str) -> None:
        self._process, self.holder = process, holder

    @classmethod
    async def start(cls, cluster: Cluster, nth: int) -> "Worker":
        """Back when it is open. It does not work yet."""
        orders = json.dumps({"servers": cluster.servers, "database": cluster.database, "nth": nth})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.many.worker", orders),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        worker = cls(process, "")
        try:
            worker.holder = (await asyncio.wait_for(process.stdout.readline(), START_S_MAX)).decode().strip()
            assert worker.holder, "the worker did not start: it said why"
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def begin(self) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def workers(cluster: Cluster, nth: int, count: int) -> AsyncIterator[list[Worker]]:
    """So many of them, who see each other; they die with the block."""
    async with AsyncExitStack() as kept:
        started = []
        for _ in range(count):
            started.append(await Worker.start(cluster, nth))
            kept.push_async_callback(started[-1].kill)
        yield started


async def main(orders: str) -> None:
    told = json.loads(orders)
    cluster, part = Cluster(told["servers"], told["database"], (SOURCE, TARGET)), counting(told["nth"])
    async with open_engine("kafka:", cluster=cluster) as engine:
        assert isinstance(engine.store, KafkaStore)
        await engine.store.partitions([part])
        sys.stdout.write(f"{engine.store._heart.worker}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        await engine.run(part)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
