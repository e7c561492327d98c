"""`python -m bench [NAME …]`: all figures, or only these."""

import asyncio
import logging
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from multiprocessing import get_context
from typing import Any, Final

import structlog

from bench import callers, growth, latency, rebuild, repeats, throughput

BENCHES: Final[dict[str, Callable[[], Coroutine[Any, Any, None]]]] = {
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
        alone = get_context("spawn").Process(target=measure, args=(name,))  # Nobody inherits another's memory.
        alone.start()
        alone.join()
        if alone.exitcode:
            return 1
    return 0


def measure(name: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # Only the figures.
    asyncio.run(BENCHES[name]())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
