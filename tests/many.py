"""Draad on many machines: a deployment of its own, on Kafka, PostgreSQL and Redis that the tests share."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from engine.wanted import load
from infra.servers import Redis
from tests.contract.places import make_database, servers
from tests.running import Running, command, running

PEPPER: Final = "p" * 32
TOPICS: Final = len(load().topics)

Many = dict[str, str]


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as found:
        yield found


@pytest.fixture
def many(redis: Redis, tmp_path: Path) -> Many:
    """Its settings. Its topics are made."""
    with ThreadPoolExecutor(1) as thread:  # Of its own: a browser may have the loop of this one.
        return thread.submit(deployed, redis, tmp_path).result()


def deployed(redis: Redis, folder: Path) -> Many:
    name = f"m{uuid4().hex[:10]}"
    asyncio.run(make_database(servers().postgres, name, "template1"))
    found = {
        "DRAAD_LOG": f"kafka://{servers().kafka.address}",
        "DRAAD_DATABASE": servers().postgres.url(name),
        "DRAAD_REDIS": redis.url,
        "DRAAD_PREFIX": f"{name}.",
        "DRAAD_PEPPER": PEPPER,
        "DRAAD_TOPICS_REPLICATION": "1",
    }
    made = command(folder, "topics", "apply", **found)
    assert made.stdout.count(" is made, ") == TOPICS, made
    assert command(folder, "topics", "check", **found).stdout == f"All {TOPICS} topics are as they should be.\n"
    return found


def started(path: Path, verb: str, many: Many) -> AbstractContextManager[Running]:
    """One of its machines: `work` or `desk`."""
    return running(path, 0, None, verb, **many)
