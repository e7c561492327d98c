"""What an engine has come to, in a form that can be compared."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from engine.engine import Engine
from engine.processor import Projection
from schemas.event import Envelope
from tests.contract.parts import bell, board, book, ledger, scales, shelf, tally

PAGE: int = 1000

History = dict[tuple[str, str], list[tuple[str, str]]]


async def everything(engine: Engine) -> list[Envelope]:
    """The whole log: every partition in its order, and no outcome before its cause."""
    waiting: list[list[Envelope]] = []
    for partition in await engine.partitions():
        here: list[Envelope] = []
        while page := await engine.read(here[-1].position if here else 0, PAGE, partition):
            here.extend(page)
        assert all(a.position < b.position for a, b in pairwise(here)), "positions only grow"
        assert {envelope.partition for envelope in here} <= {partition}
        waiting.append(here[::-1])
    found: list[Envelope] = []
    told = {""}
    while any(waiting):
        ready = [here for here in waiting if here and here[-1].cause in told]
        assert ready, "every cause is on the log"
        found.append(ready[0].pop())
        told.add(found[-1].id)
        waiting.sort(key=lambda here: not here or here[-1].partition != found[-1].partition)  # Stay, if we can.
    return found


async def of(engine: Engine, subject: str) -> list[Envelope]:
    return [envelope for envelope in await everything(engine) if envelope.subject == subject]


def history(log: Sequence[Envelope]) -> History:
    """Per subject and type, in order. Each id stands there once."""
    assert len({envelope.id for envelope in log}) == len(log)
    found: History = {}
    for envelope in log:
        found.setdefault((envelope.subject, envelope.type), []).append((envelope.id, envelope.data))
    return found


async def shown(engine: Engine, view: Projection) -> list[dict[str, Any]]:
    """A view's rows, in the order of their key."""
    table = await engine.table(view)
    query = select(table).order_by(*table.primary_key.columns)
    return [dict(row) for row in await engine.fetch(query)]


async def outcome(engine: Engine, *letters: str) -> dict[str, Any]:
    """All that can be seen of the parts of the contract: the same after any crash."""
    states = {
        f"{part.name} {subject}/{letter}": await engine.state(part, f"{subject}/{letter}")
        for part, subject in ((tally, "jar"), (book, "book"), (bell, "bed"))
        for letter in letters
    }
    return {
        "history": history(await everything(engine)),
        "states": states,
        "ledger": await shown(engine, ledger),
        "shelf": await shown(engine, shelf),
        "board": await shown(engine, board),
        "scales": await shown(engine, scales),
        "parked": [(a.name, a.subject, a.reason, a.waiting) for a in await engine.parked()],
        "standing": [
            (s.task.name, s.task.version, s.task.active, s.parked, s.timers_due, s.lent, s.behind)
            for s in await engine.standings()
        ],
    }
