"""One of several workers that get killed: callers append, parts step, a courier acts, and a diary keeps the promises.

    python -m tests.faults.many.worker '{"servers": "127.0.0.1:9092", "database": "postgresql://…", …}'

It says `ready` and its name among the workers when it is at work. Its log goes to standard error. SIGUSR1 has it stand
still with its next batch in hand, until SIGCONT.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import uvloop

from draad.logs import configure
from engine.cluster import Cluster
from engine.engine import Engine, open_engine
from engine.kafka import KafkaStore
from engine.processor import Part
from engine.store import Changes, Task
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope
from tests.faults.diary import BEGUN, DONE, FENCED, KEPT, LENT, TRIES, Pen, read
from tests.faults.many.facts import TOPICS, added, callers, letter
from tests.faults.parts import PARTS, POST, LetterAsked, LetterSent, LetterUnknown, counting

BURST_MAX: Final = 3
AGAIN_S: Final = 0.1  # Before what is unknown is said again.
REFUSES: Final = 1
GIVES_UP: Final = 75  # To be started again, later.
ORPHANED: Final = 3


@dataclass(frozen=True)
class Orders:
    servers: str
    database: str
    prefix: str
    diary: str
    slot: int  # Which of the workers it is: each has callers of its own.
    start: str
    seed: int = 0
    pause_s: float = 0.08  # The longest between two appends of a caller: some of the machine is left for what it loads.


class Desk:
    """Everything that happens at once in one life."""

    def __init__(self, engine: Engine, orders: Orders) -> None:
        assert isinstance(engine.store, KafkaStore)
        self.engine, self.store, self.orders = engine, engine.store, orders
        self.pen, self.parent = Pen(Path(orders.diary)), os.getppid()
        self.kept = read(Path(orders.diary)).kept
        self.start = datetime.fromisoformat(orders.start)
        self.stopping, self.halting = asyncio.Event(), False
        self.store.push = self.noted(self.store)  # type: ignore[assignment, method-assign]

    def noted(self, store: KafkaStore) -> Callable[[Part, Task, Changes], Coroutine[Any, Any, Task]]:
        push = store.push

        async def pushed(part: Part, task: Task, changes: Changes) -> Task:
            stood = part is counting and self.halting
            if stood:  # With a batch in hand, until somebody wakes us; then we insist on it, as if nothing had been.
                self.halting = False
                os.kill(os.getpid(), signal.SIGSTOP)
            while True:
                try:
                    return await push(part, task, changes)
                except Conflict:
                    self.pen.note(FENCED, self.orders.slot)
                    raise
                except Unavailable:  # Its connections were ended when it was thought dead.
                    if not stood:
                        raise

        return pushed

    def halt(self) -> None:
        self.halting = True

    async def call(self, caller: int) -> None:
        """Append until told to stop: bursts, repeats of what is acknowledged, and again whatever is unknown."""
        dice = Random(f"{self.orders.seed} {caller}")
        below = self.kept[caller]
        while not self.stopping.is_set():
            upto = below + dice.randint(1, BURST_MAX)
            facts = [added(caller, number, self.start) for number in range(below, upto)]
            if below and dice.random() < 0.2:
                facts.insert(0, added(caller, dice.randrange(below), self.start))
            self.pen.note(TRIES, caller, upto)
            while not await self.keeps(facts):
                if self.stopping.is_set():
                    return
                await asyncio.sleep(AGAIN_S)
            self.pen.note(KEPT, caller, upto)
            below = upto
            await asyncio.sleep(dice.uniform(0, self.orders.pause_s))

    async def keeps(self, facts: Sequence[Envelope]) -> bool:
        if os.getppid() != self.parent:  # Nobody is left who would ask it to stop.
            os._exit(ORPHANED)
        try:
            await self.engine.append(*facts)
        except Unavailable:
            return False
        return True

    async def carry(self) -> None:
        async for delivery in self.engine.follow(POST, LetterAsked):
            asked, number = delivery.event, letter(delivery.event)
            self.pen.note(BEGUN if delivery.begun else LENT, number)
            outcome = LetterUnknown if delivery.begun else LetterSent
            with suppress(Conflict, Unavailable):  # It stays begun, and is lent again as that.
                await delivery.done(outcome(at=asked.at, jar_id=asked.jar_id, total=asked.total))
                self.pen.note(DONE, number)

    def stop(self) -> None:
        self.stopping.set()
        self.engine.stop()

    async def live(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.halt)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run(*PARTS))
            group.create_task(self.carry())
            for caller in callers(self.orders.slot):
                group.create_task(self.call(caller))
            os.write(1, f"ready {self.store._heart.worker}\n".encode())
        self.pen.close()


async def work(orders: Orders) -> None:
    cluster = Cluster(orders.servers, orders.database, TOPICS, prefix=orders.prefix)
    async with open_engine("kafka:", cluster=cluster) as engine:
        await Desk(engine, orders).live()


def first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def live(orders: Orders) -> int:
    configure("warning")
    code = 0
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(orders))
    except* Refused as group:
        code = REFUSES
        sys.stderr.write(f"refused: {first(group)}\n")
    except* Unavailable as group:
        code = code or GIVES_UP
        sys.stderr.write(f"gave up: {first(group)}\n")
    return code


if __name__ == "__main__":
    sys.exit(live(Orders(**json.loads(sys.argv[1]))))
