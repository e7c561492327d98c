"""The tenth promise: memory stays flat however long the log grows. Each life is a process of its own."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.places import KafkaPlace, servers

ROOT = Path(__file__).parent.parent.parent
FEW, MANY = 20_000, 60_000  # Few are enough to fill every cache.
EXTRA_KIB_PER_EVENT_MAX = 0.35  # An id to know a repeat by, and no event, row or state.

LIFE = """
import asyncio, json, sys
from pathlib import Path
import structlog
from engine.cluster import Cluster
from engine.engine import Engine
from engine.kafka import KafkaStore
from engine.sqlite import SqliteStore
from tests.contract.parts import PARTS, added
from tests.contract.places import MONDAY, Clock

async def main(where, count):
    clock = Clock()
    opened = KafkaStore.open(Cluster(*where), clock) if len(where) > 1 else SqliteStore.open(where[0], clock)
    engine = Engine(await opened, clock=clock)
    for start in range(0, count, 500):
        await engine.append(*(added(MONDAY, f"jar/{n}", 1, str(n), "x" * 500) for n in range(start, start + 500)))
        if (start + 500) % (4_000 if len(where) > 1 else 500) == 0:
            await engine.settle(*PARTS)
    await engine.close()
    status = Path("/proc/self/status").read_text().splitlines()  # getrusage would tell our parent's peak, if higher.
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
asyncio.run(main(json.loads(sys.argv[1]), int(sys.argv[2])))
"""


async def where(engine: str, path: Path) -> list[object]:
    """An empty log, and how to open it."""
    if engine == "sqlite":
        return [str(path)]
    place = KafkaPlace(path, partitions=1)
    await (await place.store()).close()
    here = servers()
    return [here.kafka.address, here.postgres.url(place.name), place.TOPICS, None, f"{place.name}."]


def peak_kib(place: list[object], count: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", LIFE, json.dumps(place), str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return int(done.stdout)


@pytest.mark.timeout(360)
@pytest.mark.parametrize("engine", ["sqlite", "kafka"])  # The memory engine keeps the log in memory: that is its job.
def test_memory_stays_flat_however_long_the_log_grows(tmp_path: Path, engine: str) -> None:
    few, many = (peak_kib(asyncio.run(where(engine, tmp_path / f"{count}.db")), count) for count in (FEW, MANY))
    assert many - few < (MANY - FEW) * EXTRA_KIB_PER_EVENT_MAX
