"""`python -m bench [NAME …]`: all figures, or only these."""

import asyncio
import os
import platform
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from bench import callers, growth, latency, rebuild, repeats, throughput

BENCHES: Final[dict[str, Callable[[], Awaitable[None]]]] = {
    "throughput": throughput.run,
    "callers": callers.run,
    "latency": latency.run,
    "rebuild": rebuild.run,
    "repeats": repeats.run,
    "growth": growth.run,
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(BENCHES):
        sys.stderr.write(f"there is no bench named {', '.join(sorted(unknown))}: take {', '.join(BENCHES)}\n")
        return 2
    python, lite = platform.python_version(), sqlite3.sqlite_version
    sys.stdout.write(f"{os.cpu_count()} cores, {platform.machine()}, Python {python}, SQLite {lite}\n")
    for name in names or BENCHES:
        asyncio.run(measured(BENCHES[name]))
    return 0


async def measured(bench: Callable[[], Awaitable[None]]) -> None:
    await bench()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
