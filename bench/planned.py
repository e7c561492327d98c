"""What a contact costs, and a look for what is due, when few and when a million reminders are planned.

The reminders are timers of `notify.appointments`, on a file. Contacts that follow are stepped with that part at work;
a bare loop stands beside each sample, as in `growth`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from bench.figures import head, percentile, say
from bench.growth import RUNS, SAMPLE, small
from bench.load import BATCH, contacts, counting, engine_on, folder
from engine.engine import Engine, utc_now
from schemas.appointment import AppointmentBooked
from schemas.event import Envelope, fact
from services.notify.appointments import appointments

SIZES: Final = (10_000, 500_000)  # Appointments, each with two reminders planned.
LOOKS: Final = 200
FAR: Final = timedelta(days=60)


async def run(sizes: tuple[int, ...] = SIZES) -> None:
    head("Planned reminders: append and step one contact, by how many stand (two for each appointment)")
    first: list[float] = []
    booked = stored = 0
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            for size in sizes:
                for batch in bookings(booked, size, utc_now()):
                    await engine.append(*batch)
                await engine.settle(appointments)
                booked = size
                standing = await planned(engine)
                costs, bare = [], []
                for _ in range(RUNS):
                    batches = list(contacts(stored, SAMPLE))
                    stored += SAMPLE
                    bare.append(small(place / f"{stored}.db", batches))
                    costs.append(await cost(engine, batches))
                against = [mine / its for mine, its in zip(costs, bare, strict=True)]
                first = first or against
                growth = [now / then for now, then in zip(sorted(against), sorted(first), strict=True)]
                say(f"{standing:,} planned: growth against the bare loop of the moment", growth, "times", digits=2)
                say(f"{standing:,} planned: Draad", costs, "µs/contact", digits=1)
                looks = [await look(engine) for _ in range(LOOKS)]
                say(f"{standing:,} planned: a look for what is due, p99", [percentile(looks, 0.99)], "ms", digits=2)


def bookings(start: int, end: int, now: datetime) -> Iterator[list[Envelope]]:
    """Of days that are far enough away for two reminders each, in the order in which people call."""
    for first in range(start, end, BATCH):
        yield [
            fact(
                AppointmentBooked(
                    at=now,
                    appointment_id=f"a{number}",
                    party_id=f"p{number % 1_000}",
                    product="passport",
                    branch="main",
                    starts_at=now + FAR + timedelta(minutes=number % 40_000),
                ),
                key=str(number),
            )
            for number in range(first, min(first + BATCH, end))
        ]


async def cost(engine: Engine, batches: list[list[Envelope]]) -> float:
    """Microseconds per contact, appended by the batch and stepped."""
    began = perf_counter()
    for batch in batches:
        await engine.append(*batch)
    await engine.settle(counting, appointments)
    return (perf_counter() - began) / SAMPLE * 1e6


async def planned(engine: Engine) -> int:
    rows = await engine.store._read(lambda db: db.execute("SELECT count(*) FROM timer").fetchone())  # type: ignore[attr-defined]
    return int(rows[0])


async def look(engine: Engine) -> float:
    """Milliseconds that the part takes to find that nothing is due."""
    began = perf_counter()
    await engine.settle(appointments)
    return (perf_counter() - began) * 1000
