"""Who takes part: how its worker is started, how it is known to be done, and how its outcomes are read."""

import sys
from collections.abc import AsyncIterator
from dataclasses import replace

from aiokafka import ConsumerRecord

from bench.rivals import jar
from bench.rivals.install import ROOT, install, python_of
from bench.rivals.jar import Orders, Told
from bench.rivals.stage import Record, Stage
from infra.server import Server


class Rival:
    """What holds for an engine that reads JSON from a topic as a group, and writes JSON to another.

    An engine of another kind overrides what does not hold for it.
    """

    readers = ("read_committed", "read_uncommitted")  # Who reads what counts, and who reads all that was written.

    def __init__(self, name: str, app: str, *, exact: bool) -> None:
        self.name, self.app, self.exact = name, app, exact

    def prepare(self) -> None:
        """Have what its worker needs. Called once, before any clock runs."""
        install(self.app)

    def command(self, orders: Orders) -> list[str]:
        """The program that works until it is killed, and goes on when it is started again with the same orders."""
        program = ["-m", f"bench.rivals.{self.app}_app", orders.line()]
        return ["env", f"PYTHONPATH={ROOT}", str(python_of(self.app)), *program]

    def topic(self, name: str) -> str:
        """What it calls a topic that is to have this name."""
        return name

    async def fill(self, stage: Stage, orders: Orders, first: int, upto: int) -> None:
        """Put the coins of these numbers where its worker finds them."""
        coins = (Record(jar.jar_of(number).encode(), jar.coin(number)) for number in range(first, upto))
        await stage.fill(orders.source, coins)

    async def length(self, stage: Stage, orders: Orders) -> int:
        """How much it has written so far. It grows while the worker works."""
        return await stage.length(orders.target)

    async def done(self, stage: Stage, orders: Orders) -> bool:
        """Whether it has, by its own account, done everything that was put there."""
        return await stage.passed(orders.name, orders.source) and await stage.certain(orders.target)

    async def outcomes(self, stage: Stage, orders: Orders, *, committed: bool) -> AsyncIterator[Told]:
        """What its worker said, per jar in the order in which it is read, with or without what was taken back."""
        async for record in stage.read(orders.target, committed=committed):
            yield self.opened(record)

    def opened(self, record: ConsumerRecord) -> Told:
        return jar.opened(record.value)

    async def close(self) -> None:
        """Let go of what it kept open here."""


class Worker(Server):
    """The process of a rival: it does not outlive us, and its folder outlives its deaths."""

    name = "rival"

    def __init__(self, rival: Rival, orders: Orders) -> None:
        super().__init__()
        self.deaths = 0
        self.rival, self.orders = rival, replace(orders, folder=str(self.folder))

    def prepare(self) -> None:
        """Its folder is there already."""

    def command(self) -> list[str]:
        return self.rival.command(self.orders)

    def answers(self) -> bool:
        """Nobody waits for it to answer: whether it works is seen by what it writes."""
        return self.running

    def revive(self) -> None:
        """Start it again if it ended by itself, as a supervisor would. What it said last is for a developer."""
        if not self.running:
            self.deaths += 1
            sys.stderr.write(f"{self.rival.name} ended by itself:\n{self.last_words()}\n")
            self.start()
