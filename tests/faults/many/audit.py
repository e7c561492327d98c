"""The reckoning on many machines: acknowledged, stored, processed, by plain clients, against a plain model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.engine import Engine
from engine.kafka import KafkaStore
from engine.processor import written
from schemas.event import Envelope
from schemas.timer import TimerElapsed, TimerSet
from tests.faults.audit import Sums, counted_once, much_later, of, rung_once, shown_as_recounted
from tests.faults.diary import BEGUN, DONE, LENT, Diary
from tests.faults.many.crew import LOOK_S, Crew
from tests.faults.many.facts import ROWS, letter, number_of
from tests.faults.many.ground import Ground, Log
from tests.faults.parts import (
    CALLERS,
    LETTER_EVERY,
    PARTS,
    POST,
    Added,
    Bell,
    Counted,
    Jar,
    LetterAsked,
    LetterSent,
    LetterUnknown,
    bell,
    counting,
)

AUDIT_S_MAX: Final = 240
TICK: Final = timedelta(milliseconds=1)  # The broker's clock tells no less.


@dataclass
class Reckoned(Sums):
    repeats: int = 0

    def __str__(self) -> str:
        return f"{super().__str__()}; {self.repeats} records on Kafka again, and skipped"


async def audit(crew: Crew) -> Reckoned:
    """Let everybody go and what is left be done, and compare. Fails at the first thing that does not add up."""
    await crew.dismiss(*crew.workers)
    await crew.until(crew.ground.nobody_lives, "all are known to be gone")
    diary = crew.look()
    async with asyncio.timeout(AUDIT_S_MAX):
        await finish(crew.ground, diary)
        return await reckon(crew.ground, diary)


async def finish(ground: Ground, diary: Diary) -> None:
    """Do what is left to do, with every alarm due."""
    engine = Engine(await KafkaStore.open(ground.cluster, much_later), clock=much_later)
    try:
        assert await engine.parked() == []
        await engine.settle(*PARTS)
        await bring_letters(engine, ground, diary)
        await engine.settle(*PARTS)
        ends = await engine.ends()
        for (name, partition), position in (await ground.positions()).items():
            assert name == POST or position == ends[partition], f"{name} is not at the end of {partition}"
        await shown_as_recounted(engine, (await ground.log()).records)
    finally:
        engine.stop()
        await engine.close()


async def bring_letters(engine: Engine, ground: Ground, diary: Diary) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(carry(engine, diary))
        while not await all_brought(engine, ground):  # noqa: ASYNC110  # Others tell it, in a database.
            await asyncio.sleep(LOOK_S)
        engine.stop()


async def carry(engine: Engine, diary: Diary) -> None:
    async for delivery in engine.follow(POST, LetterAsked):
        asked, met = delivery.event, diary.carried.setdefault(letter(delivery.event), [])
        met.append(BEGUN if delivery.begun else LENT)
        outcome = LetterUnknown if delivery.begun else LetterSent
        await delivery.done(outcome(at=asked.at, jar_id=asked.jar_id, total=asked.total))
        met.append(DONE)


async def all_brought(engine: Engine, ground: Ground) -> bool:
    """Whether the courier is at the end of every partition, with nothing in hand, and all that it told is on Kafka."""
    ends, positions = await engine.ends(), await ground.positions()
    boxes = [where for where in ends if where.startswith("box-")]
    at_end = all(positions.get((POST, where)) == ends[where] for where in boxes)
    return at_end and not {"lent", "outbox"} & (await ground.left()).keys()


async def reckon(ground: Ground, diary: Diary) -> Reckoned:
    records, repeats, _ = await ground.log()
    assert len({record.id for record in records}) == len(records), "a fact is stored twice"
    stored = kept_in_order(records, diary)
    [[known]] = await ground.fetch("SELECT count(*) FROM fact")
    assert known == stored
    processed = counted_once(records)
    alarms = rung_once(records)
    letters, unknown = carried_once(records, diary)
    assert await ground.states() == model(records)
    assert await ground.left() == {}, "something waits that nobody does"
    return Reckoned(sum(diary.kept), stored, processed, alarms, letters, unknown, repeats)


def kept_in_order(records: Sequence[Envelope], diary: Diary) -> int:
    """Acknowledged ⊆ stored ⊆ attempted; what each caller said of a jar stands in the order in which it said it."""
    said: list[list[int]] = [[] for _ in range(CALLERS)]
    for record in of(records, Added.type):
        event = Added.model_validate_json(record.data)
        said[event.caller].append(number_of(event))
    for caller, numbers in enumerate(said):
        for row in range(ROWS):
            of_jar = [number for number in numbers if number % ROWS == row]
            assert of_jar == sorted(of_jar), f"caller {caller}: out of order"
        assert sorted(numbers) == list(range(len(numbers))), f"caller {caller}: a gap"
        assert diary.kept[caller] <= len(numbers), f"caller {caller}: acknowledged and lost"
        assert len(numbers) <= diary.tried[caller], f"caller {caller}: stored and never asked"
    return sum(map(len, said))


def rung_in_time(log: Log, until: datetime) -> float:
    """By the broker's clock none rang before it was due; and until then all that were. The latest one, in seconds."""
    latest = timedelta()
    rung = of(log.records, TimerElapsed.type)
    for record in rung:
        due, arrived = TimerElapsed.model_validate_json(record.data).due, log.arrived[record.id]
        assert arrived > due - TICK, "an alarm rang before it was due"
        latest = max(latest, arrived - max(due, log.arrived[record.cause]))
    silent = {record.id for record in of(log.records, TimerSet.type)} - {record.cause for record in rung}
    for record in of(log.records, TimerSet.type):
        if record.id in silent and log.arrived[record.id] < until:
            assert TimerSet.model_validate_json(record.data).due > until, "an alarm did not ring"
    return latest.total_seconds()


def model(records: Sequence[Envelope]) -> dict[tuple[str, str], str]:
    """What must be known of every jar after these."""
    jars: dict[str, Jar] = {}
    bells: dict[str, int] = {}
    for record in of(records, Added.type, TimerElapsed.type):
        rings = bells.setdefault(record.subject, 0)
        if record.type == TimerElapsed.type:
            bells[record.subject] = rings + 1
            continue
        event, jar = Added.model_validate_json(record.data), jars.get(record.subject, Jar())
        latest = [*jar.latest]
        latest[event.caller] = event.nth
        jars[record.subject] = Jar(total=jar.total + 1, latest=tuple(latest))
    counted = {(counting.name, subject): written(jar) for subject, jar in jars.items()}
    rung = {(bell.name, subject): written(Bell(rings=rings)) for subject, rings in bells.items()}
    return counted | rung


def carried_once(records: Sequence[Envelope], diary: Diary) -> tuple[int, int]:
    """The courier acted once on each letter; what it had begun was told as begun; what was done came never back.

    Between being lent a letter and acting on it, a courier may stand still for so long that another is told of it as
    begun. Then it acts late, and the letter is recorded as unknown.
    """
    asked, ended = of(records, LetterAsked.type), of(records, LetterSent.type, LetterUnknown.type)
    totals = {record.subject: 0 for record in of(records, Counted.type)}
    for record in of(records, Counted.type):
        totals[record.subject] += 1
    assert len(asked) == sum(total // LETTER_EVERY for total in totals.values())
    assert sorted(record.cause for record in ended) == sorted(record.id for record in asked)
    ends = {record.cause: record.type for record in ended}
    unknown = 0
    for record in asked:
        met = diary.carried.get(letter(LetterAsked.model_validate_json(record.data)), [])
        assert {LENT, BEGUN} & set(met), "a letter was recorded that no courier had in hand"
        assert met.count(LENT) <= 1, "lent as new a second time"
        assert DONE not in met or set(met[met.index(DONE) + 1 :]) <= {LENT}, "lent again after it was done"
        assert ends[record.id] == (LetterUnknown.type if BEGUN in met else LetterSent.type)
        unknown += BEGUN in met
    in_order(records, ends, diary)
    return len(asked), unknown


def in_order(records: Sequence[Envelope], ends: dict[str, str], diary: Diary) -> None:
    """Of one letterbox, letters were sent in their order."""
    place = {number: nth for nth, number in enumerate(diary.carried)}
    last: dict[str, int] = {}
    for record in of(records, LetterAsked.type):
        if ends[record.id] == LetterSent.type:
            nth = place[letter(LetterAsked.model_validate_json(record.data))]
            assert last.get(record.subject, -1) < nth, "letters out of order"
            last[record.subject] = nth
