"""Starting a worker, with or without something below it that breaks, and waiting for it within bounds."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.faults.forked import LINE_BYTES_MAX, Forked
from tests.faults.worker import READY, Orders, Report, live

ROOT: Final = Path(__file__).parents[2]
START_S_MAX: Final = 30
LIFE_S_MAX: Final = 60
CALLS: Final = "pwrite64,pread64,write,fdatasync,fsync,ftruncate,unlink,rename,openat"
INJECTED: Final = re.compile(r"\((?:INJECTED|DELAYED)[^)]*\)")


class Worker:
    """One life of the worker."""

    def __init__(self, process: asyncio.subprocess.Process | Forked) -> None:
        self._process = process

    @classmethod
    async def start(cls, orders: Orders, *below: str) -> "Worker":
        """Return when it has started. `below` is the program that runs it, such as strace."""
        process = await (run(orders, below) if below else Forked.start(live, orders))
        assert process.stdout
        async with asyncio.timeout(START_S_MAX):
            line = await process.stdout.readline()
        if line != READY:
            rest = await process.communicate()
            raise AssertionError(f"the worker did not start: {(line + rest[0]).decode()}")
        return cls(process)

    async def ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
        return self._process.returncode is not None

    def ask_to_stop(self) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def kill(self) -> bool:
        """Kill it; false if it had ended by itself, in good order."""
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self.killed()

    async def killed(self) -> bool:
        """Wait until it is dead; false if it ended by itself, in good order."""
        said = await self._said()
        if self._process.returncode in {-signal.SIGKILL, -signal.SIGTERM}:  # Not yet listening, it dies of either.
            return True
        assert self._process.returncode == 0, f"{self._process.returncode}: {said}"
        report = Report(**json.loads(said.splitlines()[-1]))
        assert report.closed, report.refused
        return False

    async def end(self) -> Report:
        """Wait until it ends by itself, and hear what became of it."""
        said = await self._said()
        assert self._process.returncode == 0, said
        return Report(**json.loads(said.splitlines()[-1]))

    async def _said(self) -> str:
        try:
            async with asyncio.timeout(LIFE_S_MAX):
                said, _ = await self._process.communicate()
        except TimeoutError:
            self._process.kill()
            raise
        return said.decode()


async def run(orders: Orders, below: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*below, sys.executable, "-m", "tests.faults.worker", json.dumps(asdict(orders))),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=LINE_BYTES_MAX,
    )


def strace(trace: Path, *faults: str, only: Sequence[Path] = (), calls: str = CALLS) -> list[str]:
    """Run it under strace, which writes `trace` and injects `faults`, such as `fdatasync:error=EIO:when=3`.

    It counts per thread. With `only`, nothing but calls on these files is seen, counted or broken.
    """
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", f"trace={calls}"]
    if not any("signal" in fault for fault in faults):
        command.append("--seccomp-bpf")  # Much faster, but it lets signals pass by.
    for fault in faults:
        command += ["-e", f"inject={fault}"]
    for path in only:
        command += ["-P", str(path)]
    return command


def fired(trace: Path) -> list[str]:
    """The calls that strace broke."""
    return [line for line in trace.read_text(errors="replace").splitlines() if INJECTED.search(line)]
