"""What an engine has come to, in a form that can be compared."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from engine.engine import Engine
from engine.processor import Projection
from schemas.event import Envelope
from tests.contract.parts import bell, book, ledger, shelf, tally

PAGE: int = 1000

History = dict[tuple[str, str], list[tuple[str, str]]]


async def everything(engine: Engine) -> list[Envelope]:
    """The whole log."""
    found: list[Envelope] = []
    while page := await engine.read(found[-1].position if found else 0, PAGE):
        found.extend(page)
    return found


async def of(engine: Engine, subject: str) -> list[Envelope]:
    return [envelope for envelope in await everything(engine) if envelope.subject == subject]


def history(log: Sequence[Envelope]) -> History:
    """Per subject and type, in order. Each id stands there once, and positions have no gap."""
    assert [envelope.position for envelope in log] == list(range(1, len(log) + 1))
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
        "parked": [(a.name, a.subject, a.reason, a.waiting) for a in await engine.parked()],
        "standing": [
            (s.task.name, s.task.version, s.task.active, s.parked, s.timers_due, s.lent, s.behind)
            for s in await engine.standings()
        ],
    }
