"""The process that gets killed: many callers append, parts step, a courier acts, and a diary says what was promised.

    python -m tests.faults.worker '{"log": "/tmp/x/log.db", "diary": "/tmp/x/diary", "seed": 7}'

It says `ready` when it has started, and at the end what became of it, as one line of JSON.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from sqlalchemy import select

from engine.engine import Engine, open_engine
from engine.sqlite import READERS, SqliteStore
from engine.tables import log
from schemas.errors import Conflict, DraadError, Unavailable
from tests.faults.diary import BEGUN, DONE, KEPT, LENT, TRIES, Pen, read
from tests.faults.parts import CALLERS, PARTS, POST, START, LetterAsked, LetterSent, LetterUnknown, added

BURST_MAX: Final = 3
TRIES_MAX: Final = 400  # Of one append, while the disk says no.
PAGE: Final = 1000
READY: Final = b"ready\n"

Found = TypeVar("Found")


@dataclass(frozen=True)
class Orders:
    log: str
    diary: str
    seed: int = 0
    start: str = START.isoformat()
    facts: int = 1_000_000  # Per caller, before it ends by itself.
    checkpoint_pages: int = 100  # Small, so that a kill meets a checkpoint often.
    dies: bool = False  # By its own hand, once a write has failed.


@dataclass
class Report:
    """What became of it."""

    opened: bool = False
    refused: str = ""  # Why it did not open.
    errors: list[str] = field(default_factory=list)  # What callers were told, each sentence once.
    probe: str = ""  # What a last append was told after all: empty if it was kept.
    read: int = 0  # Facts that could be read at the end.
    closed: bool = False


class Desk:
    """Everything that happens at once in one life."""

    def __init__(self, engine: Engine, orders: Orders, report: Report) -> None:
        self.engine, self.orders, self.report = engine, orders, report
        self.pen = Pen(Path(orders.diary))
        self.kept = read(Path(orders.diary)).kept
        self.start = datetime.fromisoformat(orders.start)
        self.stopping = asyncio.Event()

    async def nothing_is_missing(self) -> None:
        """What an earlier life acknowledged last is here before anybody repeats it."""
        last = {added(caller, kept - 1, self.start).id for caller, kept in enumerate(self.kept) if kept}
        query = select(log.c.id).where(log.c.id.in_(sorted(last)))
        rows = await self.seen(lambda: self.engine.fetch(query))
        assert {row["id"] for row in rows} == last, "an acknowledged fact is gone"

    async def call(self, caller: int) -> None:
        """Append until told to stop: bursts, repeats of what is acknowledged, and again whatever is unknown."""
        dice = Random(f"{self.orders.seed} {caller}")
        below = self.kept[caller]
        while below < self.orders.facts and not self.stopping.is_set():
            upto = below + dice.randint(1, BURST_MAX)
            facts = [added(caller, nth, self.start) for nth in range(below, upto)]
            if below and dice.random() < 0.2:
                facts.insert(0, added(caller, dice.randrange(below), self.start))
            self.pen.note(TRIES, caller, upto)
            for _ in range(TRIES_MAX):
                try:
                    await self.engine.append(*facts)
                except Unavailable as error:
                    self.heard(error)
                    if "start Draad again" in str(error):
                        return
                    await asyncio.sleep(0.001)  # What a polite client does: it leaves the loop to others.
                else:
                    break
            else:
                return
            self.pen.note(KEPT, caller, upto)
            below = upto

    def heard(self, error: Unavailable) -> None:
        if self.orders.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if str(error) not in self.report.errors:
            self.report.errors.append(str(error))

    async def carry(self) -> None:
        async for delivery in self.engine.follow(POST, LetterAsked):
            asked, position = delivery.event, delivery.envelope.position
            self.pen.note(BEGUN if delivery.begun else LENT, position)
            outcome = LetterUnknown if delivery.begun else LetterSent
            with suppress(Conflict, Unavailable):  # It stays begun, and is lent again as that.
                await delivery.done(outcome(at=asked.at, jar_id=asked.jar_id, total=asked.total))
                self.pen.note(DONE, position)

    def stop(self) -> None:
        self.stopping.set()
        self.engine.stop()

    async def live(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)
        store = self.engine.store
        assert isinstance(store, SqliteStore)
        pages = f"PRAGMA wal_autocheckpoint = {self.orders.checkpoint_pages}"
        with suppress(Unavailable):  # The fault may strike here too.
            await store._writer.do(lambda db: db.execute(pages).fetchone())
        await self.nothing_is_missing()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run(*PARTS))
            group.create_task(self.carry())
            callers = [group.create_task(self.call(caller)) for caller in range(CALLERS)]
            await asyncio.gather(*callers)
            self.stop()
        await self.look_back()

    async def look_back(self) -> None:
        last = added(0, 0, self.start)  # Known already, unless nothing was ever kept.
        self.pen.note(TRIES, 0, 1)
        try:
            await self.engine.append(last)
            self.pen.note(KEPT, 0, 1)
        except Unavailable as error:
            self.report.probe = str(error)
        while page := await self.seen(lambda: self.engine.read(self.report.read, PAGE)):
            self.report.read = page[-1].position
        self.pen.close()

    async def seen(self, look: Callable[[], Awaitable[Found]]) -> Found:
        """A look that fails is taken again. The same fault may strike each of the readers once."""
        for _ in range(READERS):
            try:
                return await look()
            except Unavailable as error:
                self.heard(error)
        return await look()


async def work(orders: Orders) -> Report:
    report = Report()
    try:
        async with open_engine(f"sqlite:///{orders.log}") as engine:
            report.opened = True
            await Desk(engine, orders, report).live()
        report.closed = True
    except DraadError as error:
        report.refused = str(error)
    return report


def live(orders: Orders) -> int:
    os.write(1, READY)
    told = asyncio.run(work(orders))
    os.write(1, json.dumps(asdict(told)).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(live(Orders(**json.loads(sys.argv[1]))))
