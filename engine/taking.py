"""How a worker takes tasks: all that it wants in the same moment in one transaction."""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from engine.broker import Broker
from engine.postgres import CARRIED, TASK, Database, Db, columns, unsent
from engine.processor import Part, Projection
from engine.store import Task
from engine.tasks import LIVING, forget_task, make_view, new_task, new_view, only_one_on

Place: TypeAlias = tuple[str, str]  # A part's name, and a partition.
CARRY_MAX: Final = 5_000  # Outcomes that a dead worker left, produced at once.
HERE: Final = "JOIN unnest($1::text[], $2::text[]) AS here (name, partition) USING (name, partition)"
TAKEN: Final = """UPDATE task SET token = token + 1, holder = $3
    FROM unnest($1::text[], $2::text[]) AS v (part, place)
    WHERE name = part AND partition = place"""
# No EXISTS: PostgreSQL may list all of the other table for it.
LEFT: Final = """(SELECT true FROM outbox WHERE origin = number LIMIT 1) IS NOT NULL,
    (SELECT true FROM parked WHERE task = number LIMIT 1) IS NOT NULL,
    (SELECT true FROM redrive WHERE task = number LIMIT 1) IS NOT NULL,
    (SELECT min(due) FROM timer WHERE task = number AND NOT fired)"""


class Wanted(NamedTuple):
    """Where a part is to be worked, and all partitions that it reads."""

    part: Part
    partition: str
    reads: Sequence[str]

    @property
    def place(self) -> Place:
        return self.part.name, self.partition


class Taken(NamedTuple):
    """A task, from now on this worker's, and what else is known of it."""

    task: Task
    view: int
    heard: str
    sent: int
    unsent: bool  # Its last holder told something that may not be on Kafka yet.
    aside: bool  # Something is parked,
    redrive: bool  # and somebody asked to try that again.
    due: str | None  # When its next timer is.


class Claim(NamedTuple):
    """The tasks at one place, and where its partition begins and ends."""

    tasks: Sequence[Taken]
    start: int
    end: int


async def claims(database: Database, broker: Broker, worker: str, every: Sequence[Wanted]) -> Sequence[Claim]:
    """What comes of these wishes, and each partition is asked about once. Raises `Unavailable`."""
    async with database.transaction() as db:
        taken = await take(db, every, worker)
    where = {one.partition for one in every}
    starts, ends = await broker.starts([*where]), await broker.ends([*where])
    return [Claim(taken.get(one.place, []), starts[one.partition], ends[one.partition]) for one in every]


async def carry(database: Database, broker: Broker, taken: Taken) -> None:
    """Bring along to Kafka what its last holder left."""
    while taken.unsent and (left := await unsent(database, taken.task.number, CARRY_MAX)):
        await broker.produce(left)
        await database.fetch(CARRIED, [taken.task.number], [left[-1].sequence])


async def take(db: Db, every: Sequence[Wanted], worker: str) -> dict[Place, list[Taken]]:
    """The tasks at these places, from now on this worker's, the active one first; none where a living worker has them.

    A version never seen gets tasks, on all partitions that it reads at once: so it never seems to be further than it
    is. A rebuild whose code is gone is forgotten.
    """
    await only_one_on(db, *(one.part.name for one in every))
    held = f"SELECT name, partition FROM task {HERE} WHERE holder <> $3 AND holder IN ({LIVING})"
    theirs = {tuple(row) for row in await db.fetch(held, *columns([one.place for one in every]), worker)}
    ours = {one.place: one for one in every if one.place not in theirs}
    if not ours:
        return {}
    here = columns([*ours])
    there = [Task(*row) for row in await db.fetch(f"SELECT {TASK} FROM task {HERE}", *here)]
    for task in there:
        if not task.active and task.version != ours[task.name, task.partition].part.version:
            await forget_task(db, task.number)
    seen = {(task.name, task.partition, task.version) for task in there}
    new = {one.part.name: one for one in ours.values() if (*one.place, one.part.version) not in seen}
    for one in new.values():
        await begin(db, one.part, one.reads)
    await db.execute(f"SELECT FROM task {HERE} ORDER BY number FOR UPDATE OF task", *here)
    # Asked afterwards: whoever held them could commit until they were locked.
    rows = await db.fetch(f"{TAKEN} RETURNING {TASK}, view, heard, sent, {LEFT}", *here, worker)
    taken: dict[Place, list[Taken]] = {place: [] for place in ours}
    views: dict[int, Projection] = {}
    for task, *rest in sorted(((Task(*row[:7]), *row[7:]) for row in rows), key=lambda mine: not mine[0].active):
        mine, part = Taken(task, *rest), ours[task.name, task.partition].part
        taken[task.name, task.partition].append(mine)
        if isinstance(part, Projection) and part.version == task.version:
            views[mine.view] = part
    for number, part in views.items():
        await make_view(db, part.table, number)
    return taken


async def begin(db: Db, part: Part, reads: Sequence[str]) -> None:
    """Tasks for a version that was never seen."""
    newest = dict(await db.fetch("SELECT partition, max(version) FROM task WHERE name = $1 GROUP BY 1", part.name))
    same = "SELECT max(view) FROM task WHERE name = $1 AND version = $2"
    view = await db.fetchval(same, part.name, part.version) or await new_view(db)
    for where in reads:
        if part.version > newest.get(where, 0):
            await new_task(db, part.name, part.version, part.kind, where, view, active=where not in newest)
