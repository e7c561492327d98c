"""A process of its own that need not begin by importing: to do that takes longer than most lives here last.

It is forked off one that has imported everything and does nothing else. It may be killed like any other.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

NURSERY: Final = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.faults.worker", "tests.faults.many.worker"])
LINE_BYTES_MAX: Final = 2**20

Life = Callable[[Any], int]  # With its orders, to its exit code.


class Forked:
    """It is asked and told as `asyncio.subprocess.Process` is."""

    def __init__(self, process: Any, stdout: asyncio.StreamReader) -> None:  # Of the context, which has no name for it.
        self._process, self.stdout, self.pid = process, stdout, int(process.pid)

    @classmethod
    async def start(cls, life: Life, orders: object, errors: Path | None = None) -> "Forked":
        """What it says of failures goes to the end of `errors`, or else where all goes that it says."""
        ours, its = NURSERY.Pipe(duplex=False)
        process = NURSERY.Process(target=live, args=(life, orders, its, errors))
        process.start()
        its.close()
        said = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        loop, pipe = asyncio.get_running_loop(), os.fdopen(os.dup(ours.fileno()), "rb")
        ours.close()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), pipe)
        return cls(process, said)

    @property
    def returncode(self) -> int | None:
        code: int | None = self._process.exitcode
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        loop, dead = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, dead.set)
        try:
            await dead.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        said = await self.stdout.read()
        await self.wait()
        return said, b""


def live(life: Life, orders: object, its: Connection, errors: Path | None) -> None:
    """In the process itself, from its first moment on."""
    os.dup2(its.fileno(), 1)
    its.close()
    if errors is None:
        os.dup2(1, 2)
    else:
        with errors.open("ab") as end:
            os.dup2(end.fileno(), 2)
    sys.exit(life(orders))
