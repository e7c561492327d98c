"""What figures cost: a year counted from its log, reports of two years, and how soon a contact is in the figure.

The year is a municipality's: its contacts with what happens to each of them, its appointments, and the steps on its
website. Reports are asked of two years in which nearly every cell of a day is filled: what a report costs hangs on its
cells, and no longer on the facts.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from time import perf_counter
from typing import Any, Final

from bench.figures import head, percentile, say
from bench.load import BATCH, engine_on, folder
from draad.parts import PARTS
from engine.engine import Engine, utc_now
from engine.processor import Projection
from engine.statements import put as put_rows
from schemas.appointment import AppointmentArrived, AppointmentBooked, AppointmentNoShow, AppointmentServed
from schemas.contact import ContactAnswered, ContactNoted, ContactReceived
from schemas.conversation import ConversationOpened
from schemas.event import Envelope, Event, derived, fact
from schemas.journey import JourneyStepped
from services.metrics.cells import VIEWS
from services.metrics.contacts import contacts
from services.metrics.days import Days
from services.metrics.definitions import definitions
from services.metrics.report import FIGURES_MAX, Asked, report
from services.metrics.settings import MetricsSettings
from services.metrics.tally import Count, changed

CONTACTS: Final = 171_000
APPOINTMENTS: Final = 19_200
STEPS: Final = 538_000
RUNS: Final = 3
REPORTS: Final = 200
LIVE: Final = 200
CONTACTS_EACH: Final = 15
FACTS_EACH: Final = CONTACTS_EACH  # A contact is five facts, and stands in one cell of each of five measures.
DAY_S: Final = 86_400
OPEN_S: Final = 9 * 3_600
RATE: Final = 50
TWO_YEARS: Final = Days(date(2025, 1, 1), date(2026, 12, 31))
BEGIN: Final = datetime(2025, 1, 1, 8, tzinfo=UTC)
CHANNELS: Final = (*["phone"] * 8, *["counter"] * 5, "email", "email", "web", "web", "web", "chat", "whatsapp")
PRODUCTS: Final = tuple(f"product-{n}" for n in range(15))
INBOXES: Final = ("main", "taxes", "permits", "social", "works")
LINES: Final = (*["main"] * 16, *INBOXES[1:])
TALLIES: Final[tuple[Projection, ...]] = tuple(view for view, _ in VIEWS)


async def run(share: float = 1.0) -> None:
    """`share`: of a year, its first days; and of the cells of two years."""
    await year(share)
    await two_years(share)
    await live()


async def year(share: float) -> None:
    facts = sum(1 for _ in of_a_year(share))
    head(f"A year counted from its log on a file: {facts:,} facts, {share:.0%} of the year")
    took = []
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            await put(engine, of_a_year(share))
            await engine.settle(*TALLIES)
            for _ in range(RUNS):
                for view in TALLIES:
                    await engine.rebuild(view.name)
                began = perf_counter()
                await engine.settle(*TALLIES)
                took.append(perf_counter() - began)
    say("all tallies from the log", took, "s", digits=1)
    say("the same", [facts / spent for spent in took], "facts/s")


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
            for channel in sorted({*CHANNELS})
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
    "by month, each product": Asked(SOME, TWO_YEARS, by="month", per="product"),
    "one year beside the other": Asked(
        SOME, Days(date(2026, 1, 1), date(2026, 12, 31)), against=Days(date(2025, 1, 1), date(2025, 12, 31))
    ),
    "odd days, twenty figures": Asked(
        tuple(definitions())[:FIGURES_MAX], Days(date(2025, 1, 16), date(2026, 12, 16)), per="channel"
    ),
    "a quarter by day, each channel": Asked(SOME, Days(date(2026, 1, 1), date(2026, 3, 31)), by="day", per="channel"),
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


async def put(engine: Engine, events: Iterator[Event]) -> None:
    batch = []
    for number, event in enumerate(events):
        batch.append(fact(event, key=str(number)))
        if len(batch) == BATCH:
            await engine.append(*batch)
            batch.clear()
    await engine.append(*batch)


def of_a_year(share: float) -> Iterator[Event]:
    days = int(365 * share)
    yield from of_contacts(int(CONTACTS * share), days)
    dice = Random(2)
    many = int(APPOINTMENTS * share)
    for nth in range(many):
        at = moment(nth, many, days)
        on: Any = {"appointment_id": f"a{nth}"}
        product = dice.choice(PRODUCTS)
        starts = at + timedelta(days=5)
        yield AppointmentBooked(at=at, party_id=f"p{nth}", product=product, branch="main", starts_at=starts, **on)
        if nth % 8:
            yield AppointmentArrived(at=starts, **on)
            yield AppointmentServed(at=starts + timedelta(minutes=9), **on)
        else:
            yield AppointmentNoShow(at=starts + timedelta(minutes=15), **on)
    steps = int(STEPS * share)
    for nth in range(steps):
        step = ("information", "information", "started", "completed")[nth % 4]
        yield JourneyStepped(at=moment(nth, steps, days), step_id=f"s{nth}", product=dice.choice(PRODUCTS), step=step)


def of_contacts(many: int, days: int) -> Iterator[Event]:
    """Each is a conversation of its own, and is answered; most are written down, one in four with its product."""
    dice = Random(1)
    for nth in range(many):
        at, channel, contact = moment(nth, many, days), dice.choice(CHANNELS), f"c{nth}"
        on: Any = {"contact_id": contact, "address_id": derived(f"address {dice.randrange(max(1, many // 3))}")}
        inbox, product = dice.choice(LINES), dice.choice(PRODUCTS) if nth % 4 == 1 else "unknown"
        yield ContactReceived(at=at, channel=channel, inbox=inbox, **on)
        yield ConversationOpened(at=at, conversation_id=contact, channel=channel, inbox=inbox, **on)
        yield ContactAnswered(at=at + timedelta(seconds=dice.randrange(120)), agent_id="g1", **on)
        if nth % 4:
            yield ContactNoted(at=at + timedelta(minutes=5), agent_id="g1", product=product, **on)


def moment(nth: int, many: int, days: int) -> datetime:
    """When this one of so many happens: within opening hours, one after the other."""
    day, left = divmod(nth * days * DAY_S // max(1, many), DAY_S)
    return BEGIN + timedelta(days=day, seconds=left * OPEN_S // DAY_S)
