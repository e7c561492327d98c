"""Connections to PostgreSQL: lent to whoever asks, never in the middle of somebody else's question, and never dead."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from engine.postgres import KEPT_MAX, SESSION, Database, gone, migrate
from engine.tables import upgrade
from schemas.errors import Refused, Unavailable
from tests.contract.places import make_database, servers

pytestmark = pytest.mark.xdist_group("servers")
MOST = KEPT_MAX + 2
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"


@pytest.fixture(params=[MOST, KEPT_MAX])
async def db(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    here, name = await asyncio.to_thread(servers), f"c{uuid4().hex[:12]}"
    await make_database(here.postgres, name, "pattern")
    opened = await Database.open(here.postgres.url(name), request.param)
    yield opened
    await opened.close()


async def sessions(db: Database) -> list[int]:
    return [row[0] for row in await db.fetch(SESSIONS, SESSION + db.worker)]


async def ask(db: Database, number: int) -> int:
    if number % 3 == 0:
        async with db.transaction() as transaction:
            return int(await transaction.fetchval("SELECT $1::int", number))
    [row] = await db.fetch("SELECT $1::int", number)
    return int(row[0])


async def ask_with(db: Database, others: asyncio.Barrier) -> None:
    async with db.transaction() as transaction:
        await transaction.execute("SELECT")
        await others.wait()


async def test_many_more_than_there_are_connections_are_all_answered_each_with_its_own(db: Database) -> None:
    async with asyncio.timeout(60):
        for _ in range(3):  # The second time, some connections are at hand and the others in the pool.
            assert await asyncio.gather(*(ask(db, number) for number in range(20 * MOST))) == [*range(20 * MOST)]
    assert KEPT_MAX <= len(await sessions(db)) <= MOST


async def test_connections_that_the_server_ended_are_lent_to_nobody(db: Database) -> None:
    together = asyncio.Barrier(KEPT_MAX)
    await asyncio.gather(*(ask_with(db, together) for _ in range(KEPT_MAX)))
    kept = [*db._kept]
    assert len(kept) == KEPT_MAX
    here = await asyncio.to_thread(servers)
    aside = await asyncpg.connect(here.postgres.url())
    await aside.fetch(f"SELECT pg_terminate_backend(pid) FROM ({SESSIONS}) AS ours", SESSION + db.worker)
    async with asyncio.timeout(60):
        while not all(map(gone, kept)):
            await aside.fetch("SELECT")
    await aside.close()
    assert await asyncio.gather(*(ask(db, number) for number in range(3 * MOST))) == [*range(3 * MOST)]


async def test_a_question_that_was_given_up_answers_nobody_else(db: Database) -> None:
    for _ in range(MOST):
        asking = asyncio.create_task(db.fetch("SELECT -1 FROM pg_sleep(30)"))
        while not await db.fetch("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT -1 FROM pg_sleep%'"):
            pass
        asking.cancel()
        assert await asyncio.gather(*(ask(db, number) for number in range(2 * MOST))) == [*range(2 * MOST)]
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert len(await sessions(db)) <= MOST


async def test_what_failed_leaves_no_transaction_behind(db: Database) -> None:
    for _ in range(2 * MOST):
        with pytest.raises(Refused):
            async with db.transaction() as transaction:
                await transaction.execute("INSERT INTO task (number) VALUES (NULL)")
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await db.fetch("SELECT nothing_of_the_kind()")
    states = await db.fetch(
        "SELECT DISTINCT state FROM pg_stat_activity WHERE application_name = $1", SESSION + db.worker
    )
    assert {state for (state,) in states} <= {"active", "idle"}
    await db.close()
    with pytest.raises(Unavailable):
        await ask(db, 1)


async def test_views_of_an_older_draad_are_compared_by_their_bytes_as_new_ones_are() -> None:
    here = await asyncio.to_thread(servers)
    name = f"o{uuid4().hex[:12]}"
    await make_database(here.postgres, name, "template1")
    url = here.postgres.url(name)
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, "0004")
    await engine.dispose()
    aside = await asyncpg.connect(url)
    await aside.execute(
        'CREATE TABLE view_old_1 (id text PRIMARY KEY, word varchar(9), made text COLLATE "C", many int)'
    )
    await aside.execute("CREATE INDEX ON view_old_1 (word) WHERE word IS NOT NULL")
    await aside.execute("INSERT INTO view_old_1 VALUES ('é', 'b', 'x', 1), ('z', 'a', 'y', 2)")
    await migrate(url)
    every = (
        "SELECT c.collname FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation WHERE attrelid = $1::regclass"
    )
    assert [row[0] for row in await aside.fetch(f"{every} AND attnum > 0", "view_old_1")] == ["C", "C", "C"]
    assert [row[0] for row in await aside.fetch(every, "view_old_1_word_idx")] == ["C"]
    assert [row[0] for row in await aside.fetch("SELECT id FROM view_old_1 ORDER BY id")] == ["z", "é"]
    await aside.close()
