"""Desk tools among few contacts and among many: what grows with what is stored.

Counted in the CPU of each request, so that what else runs on the machine does not count; the rates stand beside it.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from bench.figures import PAIRS, head, percentile, say
from bench.klant import AT_ONCE, BATCH, CONTACT, READS, SEVERAL, App, fill, opened, questions, together
from bench.load import TEXT, engine_on, folder
from services.klantinteracties.cards import cards

SIZES: Final = (10_000, 1_000_000)
WRITES: Final = 500
BODIES: Final = {"maak-klantcontact": SEVERAL, "klantcontacten": CONTACT | {"inhoud": TEXT}}


async def run(sizes: Sequence[int] = SIZES) -> None:
    head(f"Desk tools by how many contacts are stored: {READS:,} reads and {WRITES:,} writes each time")
    before: dict[str, list[float]] = {}
    stored = 0
    with folder() as place:
        for size in sizes:
            async with engine_on(place / "klant.db", BATCH) as engine, opened(engine) as app:
                await fill(app, stored, size)
                stored = size
                for what, queries in questions(size).items():
                    jobs: list[Any] = [("GET", *queries[nth * len(queries) // READS]) for nth in range(READS)]
                    await measured(app, f"at {size:,}: {what}", jobs, AT_ONCE // 16, before.setdefault(what, []))
            async with engine_on(place / "klant.db", BATCH) as engine, opened(engine, cards) as app:
                for what, body in BODIES.items():
                    jobs = [("POST", what, "", json.dumps(body).encode())] * WRITES
                    await measured(app, f"at {size:,}: {what}, readable", jobs, AT_ONCE, before.setdefault(what, []))


async def measured(app: App, what: str, jobs: Sequence[Any], at_once: int, before: list[float]) -> None:
    """Against the first size, whose CPU is in `before` from then on."""
    loads = [await together(jobs, at_once, lambda one: app.ask(*one)) for _ in range(PAIRS)]
    costs = [cost for _, cost, _ in loads]
    if before:
        growth = [now / then for now, then in zip(sorted(costs), before, strict=True)]
        say(f"{what}: growth of the CPU", growth, "times", digits=2)
    before[:] = before or sorted(costs)
    say(f"{what}: CPU", costs, "µs")
    say(f"{what}", [rate for rate, _, _ in loads], "requests/s")
    say(f"{what}: p99", [percentile(waits, 0.99) for _, _, waits in loads], "ms", 1)
