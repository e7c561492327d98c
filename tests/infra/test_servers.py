"""Real servers: they answer, they come back with what they had, and nothing is left of them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import Redis as Client
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.exceptions import TimeoutError as Silence
from redis.retry import Retry

from infra import server
from infra.server import NotStarted, Server, claim, run
from infra.servers import Postgres, Redis

LEFT_S_MAX = 20
AT_ONCE = Retry(NoBackoff(), 0)  # Or no try at all: a first answer is what we ask for.


def talk(redis: Redis) -> Client:
    return Client.from_url(redis.url, socket_timeout=1, retry=AT_ONCE, decode_responses=True)


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as postgres:
        yield postgres


@pytest.mark.parametrize("end", [Redis.kill, Redis.stop])
def test_redis_comes_back_with_what_it_had(redis: Redis, end: Callable[[Server], None]) -> None:
    with talk(redis) as before:
        before.set("kept", end.__name__)
    end(redis)
    assert not redis.running
    redis.start()
    with talk(redis) as after:
        assert after.get("kept") == end.__name__


def test_redis_asks_for_its_password(redis: Redis) -> None:
    with Client(port=redis.port, password="guessed", retry=AT_ONCE) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_a_server_that_is_held_is_silent_until_it_is_let_go(redis: Redis) -> None:
    with talk(redis) as client:
        redis.pause()
        with pytest.raises(Silence):
            client.get("kept")
        redis.resume()
        assert client.ping()


async def ask(postgres: Postgres, question: str) -> object:
    connection = await asyncpg.connect(postgres.url())
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


@pytest.mark.parametrize("end", [Postgres.kill, Postgres.stop])
async def test_postgres_comes_back_with_what_was_committed(postgres: Postgres, end: Callable[[Server], None]) -> None:
    table = end.__name__
    connection = await asyncpg.connect(postgres.url())
    await connection.execute(f"CREATE TABLE kept_{table} AS SELECT 1 AS fact")
    await connection.execute("BEGIN")
    await connection.execute(f"INSERT INTO kept_{table} VALUES (2)")
    family = psutil.Process(postgres.pid).children()
    end(postgres)
    connection.terminate()
    _, alive = psutil.wait_procs(family, LEFT_S_MAX)
    assert not alive, "a process of a dead server still works on its files"
    postgres.start()
    assert await ask(postgres, f"SELECT array_agg(fact) FROM kept_{table}") == [1]


async def test_postgres_is_set_as_in_use(postgres: Postgres) -> None:
    assert await ask(postgres, "SHOW fsync") == "on"
    assert await ask(postgres, "SHOW synchronous_commit") == "on"
    assert await ask(postgres, "SHOW listen_addresses") == "127.0.0.1"
    assert await ask(postgres, "SHOW server_encoding") == "UTF8"


async def test_postgres_asks_for_its_password(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url().replace(postgres.password, "guessed"))


async def test_held_postgres_is_held_whole(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url())
    postgres.pause()
    answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([answer], timeout=0.5)
    postgres.resume()
    assert (bool(done), await answer) == (False, 1)
    await connection.close()


def test_nothing_is_left_of_a_closed_server() -> None:
    with Redis() as redis, Postgres() as postgres:
        opened = (redis, postgres)
        processes = [psutil.Process(each.pid) for each in opened]
        family = [child for process in processes for child in (process, *process.children(recursive=True))]
    _, alive = psutil.wait_procs(family, LEFT_S_MAX)
    assert not alive
    assert not any(each.folder.exists() for each in opened)


def test_a_server_that_fails_inside_its_block_is_closed_too() -> None:
    with pytest.raises(ZeroDivisionError), Redis() as redis:
        _ = 1 / 0
    assert not redis.running
    assert not redis.folder.exists()


PARENT = """
import sys, time
from infra.servers import Postgres, Redis

with Redis() as redis, Postgres() as postgres, Redis() as held:
    held.pause()
    postgres.pause()
    print(*(f"{each.pid} {each.folder}" for each in (redis, postgres, held)), flush=True)
    time.sleep(60)
"""


def test_nothing_is_left_when_the_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        words = parent.stdout.readline().split()
        servers = [psutil.Process(int(pid)) for pid in words[::2]]
        family = [each for process in servers for each in (process, *process.children(recursive=True))]
        parent.kill()
    _, alive = psutil.wait_procs(family, LEFT_S_MAX)
    assert not alive
    assert gone(map(Path, words[1::2]))


def gone(folders: Iterator[Path]) -> bool:
    """The guards remove them after the processes: wait for that."""
    waiting, deadline = list(folders), time.monotonic() + LEFT_S_MAX
    while any(folder.exists() for folder in waiting) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(folder.exists() for folder in waiting)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_developer_opens_all_and_stops_them_with_ctrl_c(number: signal.Signals) -> None:
    """Typed at a terminal, Ctrl-C reaches the whole group at once."""
    command = [sys.executable, "-m", "infra.servers", "up"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as up:
        assert up.stdout
        told = "".join(up.stdout.readline() for _ in range(3))
        family = psutil.Process(up.pid).children(recursive=True)
        os.killpg(up.pid, number)
        assert up.wait(LEFT_S_MAX) == 0
    assert re.fullmatch(r"kafka +127.0.0.1:\d+\npostgres +postgresql://.+\nredis +redis://.+\n", told)
    assert len(family) >= 3
    _, alive = psutil.wait_procs(family, LEFT_S_MAX)
    assert not alive


class Misled(Redis):
    def prepare(self) -> None:
        super().prepare()
        with (self.folder / "redis.conf").open("a") as conf:
            conf.write("nonsense 1\n")


class Deaf(Redis):
    def answers(self) -> bool:
        return False


def test_a_server_that_does_not_start_is_quoted() -> None:
    misled = Misled()
    with pytest.raises(NotStarted, match=r"(?s)redis did not start.*Bad directive"), misled:
        pytest.fail("it started")
    assert not misled.folder.exists()


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "START_S_MAX", 0.5)
    deaf = Deaf()
    with pytest.raises(NotStarted, match=r"(?s)no answer in 0.5 s.*Ready to accept"), deaf:
        pytest.fail("it started")
    assert not deaf.running


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(NotStarted, match=r"there is no no-such-server here; infra/packages\.sh installs it"):
        run("it", "no-such-server")


def test_a_claimed_port_is_nobody_elses() -> None:
    claims = [claim() for _ in range(50)]
    try:
        assert len({port for port, _ in claims}) == 50
    finally:
        for _, held in claims:
            held.close()
