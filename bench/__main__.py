"""`python -m bench [NAME …]`: all figures, or only these."""

import os
import platform
import sqlite3
import sys
from multiprocessing import get_context

from bench.every import BENCHES, measure


def main(names: list[str]) -> int:
    if unknown := set(names) - set(BENCHES):
        sys.stderr.write(f"there is no bench named {', '.join(sorted(unknown))}: take {', '.join(BENCHES)}\n")
        return 2
    python, lite = platform.python_version(), sqlite3.sqlite_version
    sys.stdout.write(f"{os.cpu_count()} cores, {platform.machine()}, Python {python}, SQLite {lite}\n")
    sys.stdout.flush()
    for name in names or BENCHES:
        alone = get_context("spawn").Process(target=measure, args=(name,))  # Nobody inherits another's memory.
        alone.start()
        alone.join()
        if alone.exitcode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
