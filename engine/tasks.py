"""Tasks in PostgreSQL: made, taken, rebuilt and replaced, each in the transaction of whoever asks."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from engine.postgres import CARRIED, LOCKED, MIGRATING, TASK, Database, Db
from engine.processor import Courier
from engine.store import NO_REBUILD, Task
from engine.tables import view_of
from schemas.errors import Conflict, Refused

NEAR: Final = 1_000  # Events: with fewer to go on every partition, a rebuild's partitions wait for each other.
NUMBERING: Final = 0x6472616101  # One transaction at a time numbers a view. No lock of a name is as long as this.
FREED: Final = """UPDATE task SET holder = '' FROM unnest($1::int[], $2::int[]) AS v (ours, last)
    WHERE number = ours AND token = last"""
LIVING: Final = "SELECT holder FROM worker WHERE until > extract(epoch FROM clock_timestamp())"


async def tasks_of(db: Db, name: str, partition: str) -> list[Task]:
    """The active one first."""
    query = f"SELECT {TASK} FROM task WHERE name = $1 AND partition = $2 ORDER BY active DESC, number"
    return [Task(*row) for row in await db.fetch(query, name, partition)]


async def new_task(  # noqa: PLR0913, PLR0917  # A row.
    db: Db, name: str, version: int, kind: str, partition: str, view: int, *, active: bool
) -> None:
    """A task that keeps its read model in the view of this number."""
    await db.execute(
        """INSERT INTO task (name, version, kind, position, active, token, holder, until, partition, view)
           VALUES ($1, $2, $3, 0, $4, 0, '', 0, $5, $6)""",
        name, version, kind, active, partition, view,
    )  # fmt: skip


async def new_view(db: Db) -> int:
    """A number that no other part's view has or gets: by its number it is known when nobody keeps it any more."""
    await db.execute("SELECT pg_advisory_xact_lock($1)", NUMBERING)
    return int(await db.fetchval("SELECT coalesce(max(view), 0) + 1 FROM task"))


async def forget_task(db: Db, number: int) -> None:
    for table in ("state", "timer", "parked", "lent", "redrive"):
        await db.execute(f"DELETE FROM {table} WHERE task = $1", number)
    await db.execute("DELETE FROM outbox WHERE origin = $1", number)
    await db.execute("DELETE FROM task WHERE number = $1", number)


async def make_view(db: Db, described: Table, number: int) -> None:
    view, dialect = view_of(described, number), postgresql.dialect()  # type: ignore[no-untyped-call]
    if await db.fetchval("SELECT to_regclass($1)", view.name):
        return
    await db.execute(str(CreateTable(view, if_not_exists=True).compile(dialect=dialect)))
    for index in view.indexes:
        await db.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)))


async def drop_views(db: Db) -> None:
    """Drop the read models that no task keeps any more."""
    query = """SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
               AND tablename LIKE 'view!_%' ESCAPE '!'
               AND split_part(tablename, '_', -1)::int NOT IN (SELECT view FROM task)"""
    for row in await db.fetch(query):
        await db.execute(f'DROP TABLE "{row[0]}"')


async def only_one_on(db: Db, *names: str) -> None:
    """Whoever locks several tasks of a part waits here for others who do: in any order, they never wait in a ring."""
    keys = "SELECT DISTINCT hashtext(name) AS key FROM unnest($1::text[]) AS name ORDER BY key"
    await db.execute(f"SELECT pg_advisory_xact_lock(key) FROM ({keys}) AS each", names)


async def let_go(database: Database, every: Sequence[tuple[Task, int]]) -> Sequence[None]:
    """Others may have these tasks now, if they are still ours: up to these sequences all they told is on Kafka."""
    numbers = [task.number for task, _ in every]
    async with database.transaction() as db:
        await db.execute(LOCKED, numbers)
        await db.execute(CARRIED, numbers, [sequence for _, sequence in every])
        await db.execute(FREED, numbers, [task.token for task, _ in every])
    return [None] * len(every)


async def ask_rebuild(db: Db, name: str) -> None:
    """Raises `Refused` for a name that has not run here, and for a courier's."""
    query = "SELECT DISTINCT kind, partition, version FROM task WHERE name = $1 AND active"
    tasks = [tuple(row) for row in await db.fetch(query, name)]
    if not tasks or tasks[0][0] == Courier.kind:
        raise Refused(NO_REBUILD)
    if not await db.fetchval("SELECT 1 FROM task WHERE name = $1 AND NOT active", name):
        view = await new_view(db)
        for kind, partition, version in tasks:
            await new_task(db, name, version, kind, partition, view, active=False)


async def ask_redrive(db: Db, name: str, subject: str | None) -> int:
    query = """SELECT DISTINCT p.task, p.subject FROM parked p JOIN task ON number = p.task AND active
               WHERE name = $1 AND $2 IN (p.subject, '')"""
    found = [tuple(row) for row in await db.fetch(query, name, subject or "")]
    await db.executemany("INSERT INTO redrive VALUES ($1, $2) ON CONFLICT DO NOTHING", found)
    return len(found)


async def replace(db: Db, old: Task, new: Task, view: int) -> list[int] | bool:
    """The numbers of the tasks that the rebuilt ones have replaced, on all partitions at once.

    Where some partition is not so far: true if all are near, so that each is to wait for the others. Raises `Conflict`
    where either task is no longer where its holder left it.
    """
    await only_one_on(db, old.name)
    query = (
        "SELECT partition, active, number, position, token, view FROM task WHERE name = $1 ORDER BY number FOR UPDATE"
    )
    rows = [tuple(row) for row in await db.fetch(query, old.name)]
    if not {(task.number, task.position, task.token) for task in (old, new)} <= {row[2:5] for row in rows}:
        raise Conflict(f"{old.name} has been taken over")
    rebuilt = {row[0]: row[2:4] for row in rows if not row[1]}
    active = {row[0]: row[2:4] for row in rows if row[1] and row[5] != view}
    behind = [at - rebuilt[where][1] if where in rebuilt else NEAR for where, (_, at) in active.items()]
    unsent = "SELECT 1 FROM outbox WHERE origin = ANY($1) LIMIT 1"  # What they told must be on Kafka first.
    if any(behind) or await db.fetchval(unsent, [number for number, _ in active.values()]):
        return max(behind) < NEAR
    for where, (number, _) in active.items():
        await db.execute("UPDATE redrive SET task = $2 WHERE task = $1", number, rebuilt[where][0])
        await db.execute("UPDATE task SET active = true WHERE number = $1", rebuilt[where][0])
        await forget_task(db, number)
    await drop_views(db)
    return [number for number, _ in active.values()]


async def same_deployment(
    db: Db, cluster: str, prefix: str, counts: Mapping[str, int], ends: Mapping[str, int]
) -> None:
    """Raise `Refused` unless this database has always been beside these topics."""
    await db.execute(f"SELECT pg_advisory_xact_lock({MIGRATING})")
    before = {row[0]: (row[1], row[2]) for row in await db.fetch("SELECT name, partitions, cluster FROM topic")}
    ours = {prefix + topic for topic in counts}
    if before and (not ours & before.keys() or any(where != cluster for _, where in before.values())):
        raise Refused("the database in DRAAD_DATABASE belongs to another deployment: give this one its own")
    for topic, count in counts.items():
        name = prefix + topic
        if name not in before:
            if any(end for where, end in ends.items() if where.rpartition("-")[0] == topic):
                raise Refused(
                    f"topic {name} holds facts of which the database in DRAAD_DATABASE knows nothing: restore its "
                    "backup, or begin anew with another DRAAD_PREFIX"
                )
            await db.execute("INSERT INTO topic VALUES ($1, $2, $3)", name, count, cluster)
        elif before[name][0] != count:
            raise Refused(
                f"topic {name} had {before[name][0]} partitions and has {count} now, so that subjects change places "
                "and lose their order: begin anew with another DRAAD_PREFIX and an empty database"
            )
