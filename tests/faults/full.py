"""What runs on the small disk: it fills it up, sees what happens, makes room, and sees again.

    python -m tests.faults.full '{"folder": "/tmp/small", "mode": "fill"}'

What it found is one line of JSON.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

from engine.engine import Engine, open_engine
from engine.file import FREE_BYTES_MIN
from schemas.errors import Refused, Unavailable
from tests.faults.audit import everything, of
from tests.faults.diary import KEPT, Pen, read
from tests.faults.parts import CALLERS, PARTS, START, Added, Counted, added, counting, sheet

Mode = Literal["fill", "fill and die", "recover", "start full", "start nearly full"]

LEFT_BYTES: Final = 3 * 2**20
FACTS_MAX: Final = 20_000  # Per caller: many more than fit.
MORE: Final = 50
POLL_S: Final = 0.05


@dataclass
class Found:
    full: list[str] = field(default_factory=list)
    kept_when_full: int = 0
    read_when_full: int = 0
    state_when_full: bool = False
    full_again: list[str] = field(default_factory=list)
    kept: int = 0
    missing: int = 0
    unprocessed: int = 0
    refused: str = ""


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log, self.diary = folder / "log.db", folder.with_name("diary")
        self.ballast = folder / "ballast"

    def leave(self, free: int) -> None:
        """Fill it up, but for so much."""
        size = shutil.disk_usage(self.folder).free - free
        with self.ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, size)

    def make_room(self) -> None:
        self.ballast.unlink(missing_ok=True)


async def call(engine: Engine, pen: Pen, caller: int, below: int, upto: int) -> str:
    """Append one fact after the other, until the disk says no: then, what it said."""
    for nth in range(below, upto):
        try:
            await engine.append(added(caller, nth, START))
        except Unavailable as error:
            return str(error)
        pen.note(KEPT, caller, nth + 1)
    return ""


async def call_all(engine: Engine, disk: SmallDisk, more: int) -> list[str]:
    """Everybody at once. Returns what they were told, each sentence once."""
    pen, kept = Pen(disk.diary), read(disk.diary).kept
    calls = (call(engine, pen, caller, kept[caller], kept[caller] + more) for caller in range(CALLERS))
    told = await asyncio.gather(*calls)
    pen.close()
    return sorted({sentence for sentence in told if sentence})


async def fill(disk: SmallDisk, then: Callable[[], None]) -> Found:
    found = Found()
    async with open_engine(f"sqlite:///{disk.log}") as engine, asyncio.TaskGroup() as group:
        group.create_task(engine.run(*PARTS))
        disk.leave(LEFT_BYTES)
        found.full = await call_all(engine, disk, FACTS_MAX)
        then()
        found.kept_when_full = sum(read(disk.diary).kept)
        found.read_when_full = len(of(await everything(engine), Added.type))
        found.state_when_full = (await engine.state(counting, "jar/j0")).total > 0
        disk.make_room()
        found.full_again = await call_all(engine, disk, MORE)
        await reckon(engine, disk, found)
        engine.stop()
    return found


async def reckon(engine: Engine, disk: SmallDisk, found: Found) -> None:
    """Wait until everything is processed, and look for what is not there."""
    while any(standing.behind for standing in await engine.standings() if standing.task.name in {"counting", "sheet"}):
        await engine.store.moved(engine.store.mark(), POLL_S)
    records, kept = await everything(engine), read(disk.diary).kept
    stored = {record.id for record in of(records, Added.type)}
    promised = {added(caller, nth, START).id for caller in range(CALLERS) for nth in range(kept[caller])}
    found.kept, found.missing = len(promised), len(promised - stored)
    outcomes = sorted(record.cause for record in of(records, Counted.type))
    found.unprocessed = 0 if outcomes == sorted(stored) else max(1, abs(len(stored) - len(outcomes)))
    rows = await engine.fetch((await engine.table(sheet)).select())
    found.unprocessed += abs(len(rows) - len(outcomes))


async def recover(disk: SmallDisk) -> Found:
    found = Found()
    disk.make_room()
    async with open_engine(f"sqlite:///{disk.log}") as engine, asyncio.TaskGroup() as group:
        group.create_task(engine.run(*PARTS))
        found.full_again = await call_all(engine, disk, MORE)
        await reckon(engine, disk, found)
        engine.stop()
    return found


async def start(disk: SmallDisk, free: int) -> Found:
    disk.make_room()
    disk.leave(free)
    try:
        async with open_engine(f"sqlite:///{disk.log}"):
            return Found()
    except Refused as error:
        return Found(refused=str(error))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def work(mode: Mode, disk: SmallDisk) -> Found:
    match mode:
        case "fill":
            return await fill(disk, lambda: None)
        case "fill and die":
            return await fill(disk, die)
        case "recover":
            return await recover(disk)
        case "start full":
            return await start(disk, 0)
        case "start nearly full":
            return await start(disk, FREE_BYTES_MIN - 1)


if __name__ == "__main__":
    orders = json.loads(sys.argv[1])
    told = asyncio.run(work(orders["mode"], SmallDisk(Path(orders["folder"]))))
    os.write(1, json.dumps(asdict(told)).encode() + b"\n")
