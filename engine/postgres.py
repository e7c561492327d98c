"""PostgreSQL beside Kafka: what is known of every task, and what is still to be produced, in its own words."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final, TypeAlias
from uuid import uuid4

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from engine.broker import Sent
from engine.store import COMPILED_MAX, Active, Answer, Parked, Standing, Task, Timer
from engine.tables import upgrade
from schemas.errors import Refused, Unavailable
from schemas.event import Envelope

POOL_MAX: Final = 16
COMMAND_S_MAX: Final = 20
KEPT_MAX: Final = 4
SESSION: Final = "draad-"  # Of a worker: PostgreSQL knows it by this and its name.
TASK: Final = "number, name, version, position, active, token, partition"
OUTBOX: Final = "origin, sequence, partition, id, type, subject, data, time, cause, depth"
# What is on Kafka up to these sequences.
CARRIED: Final = """DELETE FROM outbox USING unnest($1::int[], $2::bigint[]) AS v(origin, upto)
    WHERE outbox.origin = v.origin AND sequence <= v.upto"""
# Always in this order, so that who locks several tasks never waits in a ring with others who do.
LOCKED: Final = "SELECT number FROM task WHERE number = ANY($1::int[]) ORDER BY number FOR UPDATE"
MIGRATING: Final = 0x64726161  # One process at a time brings the tables up to date.
Db: TypeAlias = Any  # A connection of asyncpg, which brings no types along.
DIALECT: Final = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

REFUSED: Final = "the database refuses a value ({})"
POISON: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnicodeEncodeError, KeyError)
WORLDLY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.CannotConnectNowError,
)
NO_ENTRY: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


class Connection(asyncpg.Connection):  # type: ignore[misc]  # As above.
    """One that leaves nothing behind in the pool: no setting of a session, no lock, nothing that it listens to."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Else each use costs one more question, of which nobody needs the answer. A transaction is still ended."""
        return ""


class Database:
    """A pool of connections, and transactions whose failures are in our words."""

    def __init__(self, pool: Any, worker: str) -> None:  # noqa: ANN401  # As above.
        self._pool, self.worker = pool, worker
        self._kept: list[Db] = []
        self._waiting = 0  # So many wait for one of the pool's.

    @classmethod
    async def open(cls, url: str, pool_max: int = POOL_MAX) -> "Database":
        """Connect, and bring the tables up to date. Raises `Refused` or `Unavailable`, in one sentence."""
        worker = uuid4().hex
        limits = {"max_size": pool_max, "command_timeout": COMMAND_S_MAX}
        # Its compiler takes tenths of a second for questions that are answered in thousandths.
        named = {"application_name": SESSION + worker, "jit": "off"}
        try:
            await (await asyncpg.connect(url, timeout=COMMAND_S_MAX)).close()  # What follows would not say why not.
            await migrate(url)
            pool = await asyncpg.create_pool(
                url, min_size=1, **limits, server_settings=named, connection_class=Connection
            )
        except NO_ENTRY:
            raise Refused("PostgreSQL refuses the user, password or database in DRAAD_DATABASE") from None
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
            raise Unavailable(f"PostgreSQL does not answer ({type(error).__name__}): see DRAAD_DATABASE") from None
        return cls(pool, worker)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        """All of it or nothing. Raises `Refused` for a value that is not to be had, else `Unavailable`."""
        async with self._connection() as db, db.transaction():
            yield db

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Db]:
        """For one statement, which is a transaction of its own. Raises as `transaction` does."""
        try:
            db = await self._taken()
            try:
                yield db
            except BaseException:  # It may be in the middle of something: the pool sees to that.
                await self._pool.release(db)
                raise
            await self._given_back(db)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
            raise Unavailable("the view was rebuilt meanwhile: ask for its table again") from None
        except WORLDLY as error:
            raise Unavailable(f"PostgreSQL failed ({type(error).__name__}): nobody knows what it kept") from None
        except POISON as error:
            raise Refused(REFUSED.format(type(error).__name__)) from None
        except asyncpg.InterfaceError as error:
            if isinstance(error, ValueError):  # A value that its column has no place for.
                raise Refused(REFUSED.format(type(error).__name__)) from None
            raise Unavailable("the connection to PostgreSQL is gone") from None

    async def _taken(self) -> Db:
        while self._kept:
            db = self._kept.pop()
            if not gone(db):
                return db
            await self._pool.release(db)
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=COMMAND_S_MAX)
        finally:
            self._waiting -= 1

    async def _given_back(self, db: Db) -> None:
        """A few are kept at hand. The pool looks each over in a task, which is much of what a question costs here."""
        if self._waiting or len(self._kept) >= KEPT_MAX:
            await self._pool.release(db)
        else:
            self._kept.append(db)

    async def fetch(self, query: str, *values: object) -> list[Any]:
        async with self._connection() as db:
            return [tuple(row) for row in await db.fetch(query, *values)]

    async def answer(self, query: str, *values: object) -> Answer:
        async with self._connection() as db:
            rows = await db.fetch(query, *values)
        return Answer([*rows[0].keys()] if rows else [], rows)

    async def close(self) -> None:
        self._pool.terminate()


def gone(db: Db) -> bool:
    try:
        return bool(db.is_closed())
    except asyncpg.InterfaceError:
        return True  # The pool took it back when the server went away.


async def migrate(url: str) -> None:
    """Bring the database up to our tables. Raises `Refused` where a newer Draad has been here."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATING})")
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """As `unnest` wants them."""
    return [list(column) for column in zip(*rows, strict=True)]


async def post(db: Db, sent: Sequence[Sent]) -> None:
    """Put events into the outbox."""
    rows = [(s.origin, s.sequence, s.partition, *s.envelope[:7]) for s in sent]
    await db.copy_records_to_table("outbox", records=rows, columns=OUTBOX.split(", "))


async def unsent(db: Db, origin: int, limit: int) -> list[Sent]:
    """What an origin has still to produce, in order."""
    query = f"SELECT {OUTBOX} FROM outbox WHERE origin = $1 ORDER BY sequence LIMIT $2"
    return [
        Sent(row[0], row[1], row[2], Envelope(*row[3:])) for row in map(tuple, await db.fetch(query, origin, limit))
    ]


@lru_cache(COMPILED_MAX)
def compiled(query: Select[Any]) -> tuple[str, Mapping[str, Any], Sequence[str]]:
    """The query as PostgreSQL reads it, the values that stand in it, and the order in which it wants them."""
    found = query.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    return str(found), found.params, found.positiontup or ()


async def next_due(db: Database, task: Task) -> str | None:
    """When the first timer is due. It is asked of the index, for thousands may be due at that moment."""
    [row] = await db.fetch("SELECT min(due) FROM timer WHERE task = $1 AND NOT fired", task.number)
    return None if row[0] is None else str(row[0])


async def due(db: Database, task: Task, until: str, limit: int) -> list[Timer]:
    """Timers in the order in which they are due."""
    query = """SELECT subject, name, due, cause FROM timer WHERE task = $1 AND NOT fired AND due <= $2
               ORDER BY due, subject, name LIMIT $3"""
    return [Timer(*row) for row in await db.fetch(query, task.number, until, limit)]


async def held(db: Db, active: Task, after: int, upto: int) -> dict[int, Parked]:
    query = "SELECT position, subject, reason, told FROM parked WHERE task = $1 AND position > $2 AND position <= $3"
    return {row[0]: Parked(*row) for row in await db.fetch(query, active.number, after, upto)}


async def active(db: Database, names: str) -> list[Active]:
    """The tasks that count, of the parts whose names begin so. What is set aside is counted once, and seldom there."""
    query = f"""SELECT {TASK}, coalesce(many, 0) FROM task
                LEFT JOIN (SELECT task, count(*) AS many FROM parked GROUP BY task) AS aside ON task = number
                WHERE active AND kind <> 'road' AND starts_with(name, $1)"""
    return [Active(Task(*row[:7]), row[7]) for row in await db.fetch(query, names)]


async def stand(db: Db, now: str, ends: Mapping[str, int]) -> list[Standing]:
    """How each part stands, over all its partitions."""
    query = f"""SELECT {TASK}, (SELECT count(*) FROM parked WHERE task = number),
                (SELECT count(*) FROM timer WHERE task = number AND NOT fired AND due <= $1),
                (SELECT count(*) FROM lent WHERE task = number) FROM task WHERE kind <> 'road'
                ORDER BY name, version, number"""
    found: dict[tuple[str, int, bool], Standing] = {}
    for row in map(tuple, await db.fetch(query, now)):
        task, behind = Task(*row[:7]), ends.get(row[6], row[3]) - row[3]
        key = (task.name, task.version, task.active)
        before = found.get(key) or Standing(task._replace(position=0, partition=""), 0, 0, 0, 0)
        whole = before.task._replace(position=before.task.position + task.position)
        found[key] = Standing(whole, *(a + b for a, b in zip(before[1:], (behind, *row[7:]), strict=True)))
    return list(found.values())
