"""The reckoning: what was promised, what is stored, and what came of it."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from engine.courier import Delivery
from engine.engine import Engine
from engine.processor import Projection
from engine.sqlite import SqliteStore
from schemas.event import Envelope
from schemas.timer import TimerElapsed, TimerSet
from tests.faults.diary import BEGUN, DONE, LENT, Diary
from tests.faults.parts import (
    ALARM_EVERY,
    CALLERS,
    LETTER_EVERY,
    PARTS,
    POST,
    Added,
    Counted,
    LetterAsked,
    LetterSent,
    LetterUnknown,
    Rang,
    newest,
    sheet,
)

PAGE: Final = 5_000
AUDIT_S_MAX: Final = 90


@dataclass
class Sums:
    acknowledged: int = 0
    stored: int = 0
    processed: int = 0
    alarms: int = 0
    letters: int = 0
    unknown: int = 0

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.stored} stored, {self.processed} processed, "
            f"{self.alarms} alarms rung, {self.letters} letters of which {self.unknown} unknown"
        )


def much_later() -> datetime:
    """When every alarm is due."""
    return datetime.now(UTC) + timedelta(days=1)


async def audit(path: Path, diary: Diary) -> Sums:
    """Open what is left, let everything run to its end, and compare. Fails at the first thing that does not add up."""
    async with asyncio.timeout(AUDIT_S_MAX):
        engine = Engine(await SqliteStore.open(str(path), much_later), clock=much_later)
        try:
            assert await engine.parked() == []
            await engine.settle(*PARTS)
            await finish_letters(engine, diary)
            await engine.settle(*PARTS)
            return await reckon(engine, diary)
        finally:
            engine.stop()
            await engine.close()
            with closing(sqlite3.connect(path)) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def everything(engine: Engine) -> list[Envelope]:
    found: list[Envelope] = []
    while page := await engine.read(len(found), PAGE):
        found.extend(page)
    return found


async def finish_letters(engine: Engine, diary: Diary) -> None:
    records = await everything(engine)
    left = len(of(records, LetterAsked.type)) - len(of(records, LetterSent.type, LetterUnknown.type))
    if not left:
        return
    async for delivery in engine.follow(POST, LetterAsked):
        await finish(delivery, diary)
        left -= 1
        if not left:
            break


async def finish(delivery: Delivery, diary: Diary) -> None:
    asked, met = delivery.event, diary.carried.setdefault(delivery.envelope.position, [])
    met.append(BEGUN if delivery.begun else LENT)
    outcome = LetterUnknown if delivery.begun else LetterSent
    await delivery.done(outcome(at=asked.at, jar_id=asked.jar_id, total=asked.total))
    met.append(DONE)


def of(records: Sequence[Envelope], *types: str) -> list[Envelope]:
    return [record for record in records if record.type in types]


async def reckon(engine: Engine, diary: Diary) -> Sums:
    records = await everything(engine)
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    assert len({record.id for record in records}) == len(records), "a fact is stored twice"
    stored = kept_in_order(records, diary)
    processed = counted_once(records)
    alarms = rung_once(records)
    letters, unknown = carried_once(records, diary)
    await shown_as_recounted(engine, records)
    return Sums(sum(diary.kept), stored, processed, alarms, letters, unknown)


def kept_in_order(records: Sequence[Envelope], diary: Diary) -> int:
    """Acknowledged ⊆ stored ⊆ attempted, and what each caller said stands in the order in which it said it."""
    said: list[list[int]] = [[] for _ in range(CALLERS)]
    for record in of(records, Added.type):
        event = Added.model_validate_json(record.data)
        said[event.caller].append(event.nth)
    for caller, numbers in enumerate(said):
        assert numbers == list(range(len(numbers))), f"caller {caller}: a gap, or out of order"
        assert diary.kept[caller] <= len(numbers), f"caller {caller}: acknowledged and lost"
        assert len(numbers) <= diary.tried[caller], f"caller {caller}: stored and never asked"
    return sum(map(len, said))


def counted_once(records: Sequence[Envelope]) -> int:
    """Every fact has its one outcome, with the total that a recount gives, in the order of the facts."""
    facts, outcomes = of(records, Added.type), of(records, Counted.type)
    assert sorted(outcome.cause for outcome in outcomes) == sorted(fact.id for fact in facts)
    totals: dict[str, list[str]] = {}
    for fact in facts:
        totals.setdefault(fact.subject, []).append(fact.id)
    seen: Counter[str] = Counter()
    for outcome in outcomes:
        event = Counted.model_validate_json(outcome.data)
        seen[outcome.subject] += 1
        assert event.in_order, "a step saw facts out of order"
        assert event.total == seen[outcome.subject]
        assert outcome.cause == totals[outcome.subject][event.total - 1]
    return len(outcomes)


def rung_once(records: Sequence[Envelope]) -> int:
    """Every alarm rang once, and none before its hour."""
    asked = of(records, TimerSet.type)
    elapsed, rang = of(records, TimerElapsed.type), of(records, Rang.type)
    wanted = [record.id for record in of(records, Added.type) if alarmed(record)]
    assert sorted(record.cause for record in asked) == sorted(wanted)
    assert sorted(record.cause for record in elapsed) == sorted(record.id for record in asked)
    assert sorted(record.cause for record in rang) == sorted(record.id for record in elapsed)
    for record in elapsed:
        event = TimerElapsed.model_validate_json(record.data)
        assert event.due <= event.at
        assert event.due <= datetime.fromisoformat(record.time)
    return len(rang)


def alarmed(record: Envelope) -> bool:
    return Added.model_validate_json(record.data).nth % ALARM_EVERY == 0


def carried_once(records: Sequence[Envelope], diary: Diary) -> tuple[int, int]:
    """The courier acted once on each letter; what it had begun was told as begun; what was done came never back."""
    asked = of(records, LetterAsked.type)
    ended = of(records, LetterSent.type, LetterUnknown.type)
    counted = Counter(record.subject for record in of(records, Counted.type))
    assert len(asked) == sum(total // LETTER_EVERY for total in counted.values())
    assert sorted(record.cause for record in ended) == sorted(record.id for record in asked)
    ends = {record.cause: record.type for record in ended}
    boxes: dict[str, int] = {}
    for position, met in diary.carried.items():
        record = records[position - 1]
        acts = [word for word in met if word in {LENT, BEGUN}]
        assert record.type == LetterAsked.type
        # A kill between its begin and its first line leaves no LENT: then it is told as begun at once.
        assert LENT not in acts[1:], "lent as new a second time"
        assert DONE not in met[:-1], "lent again after it was done"
        assert ends[record.id] == (LetterSent.type if acts == [LENT] else LetterUnknown.type) or len(acts) == 1
        if acts[0] == LENT:
            assert boxes.get(record.subject, 0) < position, "letters out of order"
            boxes[record.subject] = position
    silent = {record.position for record in asked} - diary.carried.keys()
    assert silent == set(), "a letter was recorded that no courier had in hand"
    return len(asked), sum(record.type == LetterUnknown.type for record in ended)


async def shown_as_recounted(engine: Engine, records: Sequence[Envelope]) -> None:
    lines: dict[str, tuple[str, int]] = {}
    totals: dict[str, int] = {}
    for record in of(records, Counted.type):
        event = Counted.model_validate_json(record.data)
        lines[record.id] = (event.jar_id, event.total)
        totals[event.jar_id] = event.total
    shown = await rows(engine, sheet)
    assert {row[0]: (row[1], row[2]) for row in shown} == lines
    assert {row[0]: row[1] for row in await rows(engine, newest)} == {k: v for k, v in totals.items() if v % 12}


async def rows(engine: Engine, view: Projection) -> list[tuple[Any, ...]]:
    found = await engine.fetch(select(await engine.table(view)))
    return [tuple(row.values()) for row in found]
