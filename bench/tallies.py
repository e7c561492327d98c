"""What figures cost: reports of two years, and how soon a contact is in the figure.

Reports are asked of two years in which nearly every cell of a day is filled: what a report costs hangs on its cells,
and no longer on the facts. What it costs to count them is told by `bench/year.py`.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any, Final

from bench.figures import head, percentile, say
from bench.load import engine_on, folder
from draad.parts import PARTS
from engine.engine import Engine, utc_now
from engine.processor import Projection
from engine.statements import put as put_rows
from schemas.contact import ContactReceived
from schemas.event import Envelope, derived, fact
from services.metrics.cells import VIEWS
from services.metrics.contacts import contacts
from services.metrics.days import Days
from services.metrics.definitions import definitions
from services.metrics.report import FIGURES_MAX, Asked, report
from services.metrics.settings import MetricsSettings
from services.metrics.tally import Count, changed

REPORTS: Final = 200
LIVE: Final = 200
CONTACTS_EACH: Final = 15
FACTS_EACH: Final = CONTACTS_EACH  # A contact is five facts, and stands in one cell of each of five measures.
RATE: Final = 50
TWO_YEARS: Final = Days(date(2025, 1, 1), date(2026, 12, 31))
BEGIN: Final = datetime(2025, 1, 1, 8, tzinfo=UTC)
CHANNELS: Final = ("phone", "counter", "email", "web", "chat", "whatsapp")
PRODUCTS: Final = tuple(f"product-{n}" for n in range(15))
TALLIES: Final[tuple[Projection, ...]] = tuple(view for view, _ in VIEWS)


async def run(share: float = 1.0) -> None:
    """`share`: of the cells of two years."""
    await two_years(share)
    await live()


async def two_years(share: float) -> None:
    products = PRODUCTS[: int(len(PRODUCTS) * share)]
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            await engine.settle(*TALLIES)
            cells = await fill(engine, products)
            facts = cells * FACTS_EACH
            head(f"Reports of two years: {cells:,} cells of a day, as {facts:,} facts leave them")
            for name, asked in REPORTED.items():
                waits = [await timed(engine, asked) for _ in range(REPORTS)]
                say(f"{name}: p50", [percentile(waits, 0.5)], "ms", digits=1)
                say(f"{name}: p99", [percentile(waits, 0.99)], "ms", digits=1)


async def fill(engine: Engine, products: Sequence[str]) -> int:
    """A cell for each day, channel, product and inbox of two years, and for each measure of an answered contact.

    An inbox belongs to one channel, and each has two.
    """
    view = await engine.table(contacts)
    cells = 0
    for nth in range(TWO_YEARS.many):
        at = BEGIN + timedelta(days=nth)
        counts = [
            Count(measure, at, channel, product, inbox, value=60_000, many=CONTACTS_EACH)
            for measure in ("contact", "response", "settled", "answered", "again")
            for channel in CHANNELS
            for product in products
            for inbox in (f"{channel}-1", f"{channel}-2")
        ]
        cells += len(counts)
        changes = changed((), counts, at, Envelope("", "", "", ""))
        await engine.store._writer.do(lambda db, changes=changes: put_rows(db, view, changes))  # type: ignore[attr-defined]
    return cells


SOME: Final = ("contacts", "service-level", "time-to-answer", "first-response", "backlog", "repeat-contacts")
REPORTED: Final = {
    "two years in one": Asked(SOME, TWO_YEARS),
    "two years, each channel": Asked(SOME, TWO_YEARS, per="channel"),
    "two years by month, each product": Asked(SOME, TWO_YEARS, by="month", per="product"),
    "one year beside the other": Asked(
        SOME, Days(date(2026, 1, 1), date(2026, 12, 31)), against=Days(date(2025, 1, 1), date(2025, 12, 31))
    ),
    "odd days, twenty figures": Asked(
        tuple(definitions())[:FIGURES_MAX], Days(date(2025, 1, 16), date(2026, 12, 16)), per="channel"
    ),
    "a quarter by day, each channel": Asked(SOME, Days(date(2026, 1, 1), date(2026, 3, 31)), by="day", per="channel"),
    "two years by week": Asked(SOME, TWO_YEARS, by="week"),
    "two years by week, each channel": Asked(SOME, TWO_YEARS, by="week", per="channel"),
    "two years by week, each team": Asked(SOME, TWO_YEARS, by="week", per="team"),
    "two years by week, each product": Asked(SOME, TWO_YEARS, by="week", per="product"),
    "a year by day": Asked(("contacts",), Days(date(2026, 1, 1), date(2026, 12, 31)), by="day"),
    "a week by hour": Asked(SOME, Days(date(2026, 3, 2), date(2026, 3, 8)), by="hour"),
}


async def timed(engine: Engine, asked: Asked) -> float:
    began = perf_counter()
    await report(engine, asked, MetricsSettings())
    return (perf_counter() - began) * 1000


async def live() -> None:
    head(f"A contact that comes in, until the report of today has it: all parts at work, {RATE} a second")
    with folder() as place:
        async with engine_on(place / "log.db", batch_max=500) as engine:
            await engine.settle(*PARTS)
            running = asyncio.create_task(engine.run(*PARTS))
            waits = await seen(engine)
            engine.stop()
            await running
    say("p50", [percentile(waits, 0.5)], "ms", digits=1)
    say("p99", [percentile(waits, 0.99)], "ms", digits=1)


async def seen(engine: Engine) -> list[float]:
    """Milliseconds until each is counted, one after the other as they come in."""
    now, came, waits = utc_now(), list[float](), list[float]()
    today = Asked(("contacts",), Days(now.date() - timedelta(days=1), now.date() + timedelta(days=1)))

    async def bring() -> None:
        began = perf_counter()
        for nth in range(LIVE):
            await asyncio.sleep(max(0.0, began + nth / RATE - perf_counter()))
            came.append(perf_counter())
            on: Any = {"contact_id": f"c{nth}", "address_id": derived(f"live {nth}")}
            await engine.append(fact(ContactReceived(at=utc_now(), channel="phone", **on), key=str(nth)))

    bringing = asyncio.create_task(bring())
    while len(waits) < LIVE:
        mark = engine.store.mark()
        lines = (await report(engine, today, MetricsSettings())).lines
        counted = int(lines[0].figures["contacts"].value or 0)
        waits += [(perf_counter() - came[nth]) * 1000 for nth in range(len(waits), counted)]
        await engine.store.moved(mark, 1.0)
    await bringing
    return waits
