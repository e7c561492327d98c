"""The tenth promise: memory stays flat however long the log grows. Each life is a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FEW, MANY = 4_000, 40_000
EXTRA_KIB_PER_EVENT_MAX = 0.35  # An id to know a repeat by, and no event, row or state.

LIFE = """
import asyncio, resource, sys
import structlog
from engine.engine import Engine
from engine.sqlite import SqliteStore
from tests.contract.parts import PARTS, added
from tests.contract.places import MONDAY, Clock

async def main(path, count):
    clock = Clock()
    engine = Engine(await SqliteStore.open(path, clock), clock=clock)
    for start in range(0, count, 500):
        await engine.append(*(added(MONDAY, f"jar/{n}", 1, str(n), "x" * 500) for n in range(start, start + 500)))
        await engine.settle(*PARTS)
    await engine.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def peak_kib(path: Path, count: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", LIFE, str(path), str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    )
    return int(done.stdout)


@pytest.mark.parametrize("engine", ["sqlite"])  # The memory engine keeps the log in memory: that is its job.
def test_memory_stays_flat_however_long_the_log_grows(tmp_path: Path, engine: str) -> None:
    few, many = peak_kib(tmp_path / "few.db", FEW), peak_kib(tmp_path / "many.db", MANY)
    assert many - few < (MANY - FEW) * EXTRA_KIB_PER_EVENT_MAX
