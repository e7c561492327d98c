"""Signed webhooks on many machines: taken by a desk node, acknowledged when the outbox in PostgreSQL holds them.

The broker, the database and Redis are on the same two cores; so are, the second time, the parts that read the log.
"""

import asyncio
import os
import subprocess
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Final

from bench.figures import head
from bench.load import folder
from bench.webhooks import CONNECTIONS, REQUESTS, TOKEN, Served, draad, empty, measured, requests
from infra.servers import Kafka, Postgres, Redis

START_S_MAX: Final = 120
PEPPER: Final = "a-pepper-for-this-bench-and-nothing-else"  # It opens nothing.
DESK: Final = ("-m", "draad", "desk", "--port", "0")
WORK: Final = ("-m", "draad", "work", "--port", "0")


async def run() -> None:
    size = len(requests(count(), 1)[0])
    numbers = count()
    with folder() as place, Kafka(lasting=True) as kafka, Postgres() as postgres, Redis() as redis, empty() as least:
        log = {
            "DRAAD_LOG": f"kafka://{kafka.address}",
            "DRAAD_DATABASE": postgres.url(),
            "DRAAD_REDIS": redis.url,
            "DRAAD_PEPPER": PEPPER,
            "DRAAD_TOKEN": TOKEN,
            "DRAAD_TOPICS_REPLICATION": "1",
        }
        await asyncio.to_thread(make_topics, log)
        for working in (False, True):
            what = "a worker beside it" if working else "nobody who reads the log"
            head(f"Many machines: signed webhooks of {size} bytes, {CONNECTIONS} connections, {REQUESTS:,}: {what}")
            with ExitStack() as stack:
                if working:
                    stack.enter_context(draad(place / "work", *WORK, **log))
                await measured(desk(stack, place / f"desk{working}", log), least, numbers)


def make_topics(log: dict[str, str]) -> None:
    command = [sys.executable, "-m", "draad", "topics", "apply"]
    subprocess.run(command, env={**os.environ, **log}, check=True, stdout=subprocess.DEVNULL, timeout=START_S_MAX)


def desk(stack: ExitStack, place: Path, log: dict[str, str]) -> Served:
    return stack.enter_context(draad(place, *DESK, **log))
