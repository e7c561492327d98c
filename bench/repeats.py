"""What it costs to know a repeat: our chunks and filter, against a unique index on the ids."""

import sqlite3
from contextlib import closing
from time import perf_counter

from bench.figures import head, say
from bench.load import contacts, engine_on, folder
from bench.throughput import bare_file, bare_write
from schemas.event import Envelope

SIZES = (10_000, 500_000, 1_000_000)
SAMPLE = 20_000
RUNS = 5


async def run(sizes: tuple[int, ...] = SIZES) -> None:
    head(f"Knowing a repeat: {SAMPLE:,} appends beyond so many facts, batches of 1,000")
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            with closing(bare_file(place / "bare.db")) as db:
                db.execute("CREATE UNIQUE INDEX log_id ON log (id)")
                stored = 0
                for size in sizes:
                    for batch in contacts(stored, size - stored):
                        await engine.append(*batch)
                        bare_write(db, batch)
                    ours, theirs = [], []
                    for nth in range(RUNS):
                        batches = list(contacts(size + nth * SAMPLE, SAMPLE))
                        began = perf_counter()
                        for batch in batches:
                            await engine.append(*batch)
                        ours.append(SAMPLE / (perf_counter() - began))
                        theirs.append(indexed(db, batches))
                    stored = size + RUNS * SAMPLE
                    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
                    say(f"at {size:,}: ratio to a unique index", ratios, "times", digits=2)
                    say(f"at {size:,}: Draad", ours, "appends/s")
                    say(f"at {size:,}: bare loop with a unique index", theirs, "appends/s")


def indexed(db: sqlite3.Connection, batches: list[list[Envelope]]) -> float:
    began = perf_counter()
    for batch in batches:
        bare_write(db, batch)
    return SAMPLE / (perf_counter() - began)
