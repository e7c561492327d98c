"""Reading stories: a party's among many contacts, a case's among more; and from a contact coming in to its being seen.

The bare loop asks SQLite itself for the same rows by their keys, on one connection, and makes a mapping of each.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.figures import PAIRS, head, percentile, say
from bench.load import BATCH, START, TEXT, engine_on, folder
from draad.parts import PARTS
from engine.engine import Engine
from schemas.case import CaseOpened
from schemas.contact import ContactFiled, ContactIdentified, ContactReceived
from schemas.event import Event, derived, fact
from schemas.party import PartyAddressLinked
from services.desk.board import board
from services.desk.entry import entry
from services.desk.news import News
from services.desk.page import Page
from services.desk.place import Place
from services.desk.presence import Presence
from services.desk.story import PAGE_MAX, VIEWS, story

PARTY_CONTACTS: Final = 100_000
CASE_CONTACTS: Final = 1_000_000
PER_ADDRESS: Final = 50
ADDRESSES: Final = 3  # Of each party; and one contact in ten was given to it by an agent.
PER_CASE: Final = 40
ASKED: Final = 4_000
AT_ONCE: Final = 4
RATE: Final = 200
SECONDS: Final = 10

Key = Sequence[tuple[str, int]]  # Of the entries on one page.
ByKeys = Callable[[Sequence[Key]], Awaitable[float]]
Log = Callable[[], AbstractAsyncContextManager[Engine]]


async def run(of_parties: int = PARTY_CONTACTS, of_cases: int = CASE_CONTACTS) -> None:
    head(f"A page of {PAGE_MAX} of a story, {AT_ONCE} asking at once, by how many contacts are stored")
    for size in (of_parties, of_cases):
        with folder() as place:
            async with engine_on(place / "log.db") as engine:
                await fill(engine, size)
                parties = [f"party/p{n}" for n in range(size // (PER_ADDRESS * ADDRESSES))]
                cases = [f"case/k{n}" for n in range(size // (PER_CASE * 10))]
                bare = partial(by_key, place / "log.db", (await engine.table(entry)).name)
                for what, subjects in (("party", parties), ("case", cases)):
                    await compare(engine, partial(asyncio.to_thread, bare), f"a {what}'s among {size:,}", subjects)
    await live(file)


@asynccontextmanager
async def file() -> AsyncIterator[Engine]:
    """A log of its own."""
    with folder() as place:
        async with engine_on(place / "log.db", batch_max=500) as engine:
            yield engine


def contact(number: int, addresses: int) -> ContactReceived:
    """Contacts of an address lie far apart on the log, as in life."""
    address, at = number % addresses, START + timedelta(seconds=number)
    return ContactReceived(at=at, contact_id=f"c{number}", address_id=name_of(address), channel="phone", text=TEXT)


def name_of(address: int) -> str:
    return derived(f"address {address}")


def events(size: int) -> Iterator[Event]:
    addresses = max(1, size // PER_ADDRESS)
    for n in range(addresses):
        said = {"party_id": f"p{n // ADDRESSES}", "address_id": name_of(n), "channel": "phone"}
        yield PartyAddressLinked(at=START, **said, address="+31612345678", certainty="certain")
    for number in range(size):
        one = contact(number, addresses)
        yield one
        on: dict[str, Any] = {"at": one.at, "contact_id": one.contact_id, "address_id": one.address_id}
        if number % 10 == 0:
            case = number // 10 // PER_CASE
            if number // 10 % PER_CASE == 0:
                yield CaseOpened(at=one.at, case_id=f"k{case}", party_id="p0", kind="report", title="Kuil")
            yield ContactFiled(case_id=f"k{case}", certainty="certain", **on)
        if number % 10 == 1:
            party = number % addresses // ADDRESSES
            yield ContactIdentified(party_id=f"p{party}", certainty="certain", **on)


async def fill(engine: Engine, size: int) -> None:
    batch = []
    for nth, event in enumerate(events(size)):
        batch.append(fact(event, key=str(nth)))
        if len(batch) == BATCH:
            await engine.append(*batch)
            batch.clear()
    await engine.append(*batch)
    await engine.settle(*VIEWS)


async def compare(engine: Engine, by_keys: ByKeys, what: str, subjects: Sequence[str]) -> None:
    """`by_keys` is a bare loop: pages a second."""
    ratios, rates, p99s, bare = [], [], [], []
    asked = [subjects[n * 7919 % len(subjects)] for n in range(ASKED)]
    keys = [key_of(await story(engine, subject)) for subject in asked[:200]]
    for _ in range(PAIRS):
        waits: list[float] = []
        began = perf_counter()
        await asyncio.gather(*(some(engine, asked[first::AT_ONCE], waits) for first in range(AT_ONCE)))
        rates.append(ASKED / (perf_counter() - began))
        p99s.append(percentile(waits, 0.99))
        bare.append(await by_keys(keys))
        ratios.append(rates[-1] / bare[-1])
    say(f"{what}: ratio to the bare loop", ratios, "times", digits=2)
    say(f"{what}: Draad", rates, "stories/s")
    say(f"{what}: bare loop", bare, "pages/s")
    say(f"{what}: p99", p99s, "ms", digits=2)


async def some(engine: Engine, subjects: Sequence[str], waits: list[float]) -> None:
    for subject in subjects:
        began = perf_counter()
        await story(engine, subject)
        waits.append((perf_counter() - began) * 1000)


def key_of(found: Any) -> Key:  # noqa: ANN401  # A story.
    return [(told.row["partition"], told.row["position"]) for told in found.entries]


def by_key(path: Path, table: str, keys: Sequence[Key]) -> float:
    """Pages a second."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        began = perf_counter()
        for nth in range(ASKED):
            page = [position for _, position in keys[nth % len(keys)]]
            marks = ",".join("?" * len(page))
            cursor = db.execute(f"SELECT * FROM {table} WHERE partition = '' AND position IN ({marks})", page)
            names = [column[0] for column in cursor.description]
            assert len([dict(zip(names, row, strict=True)) for row in cursor]) == len(page)
        return ASKED / (perf_counter() - began)


async def live(log: Log) -> None:
    head(f"From a contact that comes in to a watched story, at {RATE}/s for {SECONDS} s, all parts at work")
    rounds = [await measure(log) for _ in range(PAIRS)]
    later = [waits[RATE:] for waits in rounds]
    for name, share in (("p50", 0.5), ("p99", 0.99), ("highest", 1.0)):
        say(name, [percentile(waits, share) for waits in later], "ms", digits=2)
    say("p99 of the first second after a start", [percentile(waits[:RATE], 0.99) for waits in rounds], "ms", digits=2)


async def measure(log: Log) -> list[float]:
    """Milliseconds for each contact, in the order in which they came, from when all parts of the house have begun."""
    asked: dict[str, float] = {}
    waits: dict[str, float] = {}
    async with log() as engine:
        news = News(engine, partial(board, engine, Presence(), Page()))
        running = [asyncio.create_task(work) for work in (engine.run(*PARTS), news.run())]
        await asyncio.wait_for(news.begun.wait(), 60)
        seeing = asyncio.create_task(see(news, asked, waits, RATE * (1 + SECONDS)))
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(RATE * (1 + SECONDS)):
                await asyncio.sleep(max(0.0, began + number / RATE - perf_counter()))
                one = contact(number, 1_000)
                asked[one.contact_id] = perf_counter()
                group.create_task(engine.append(fact(one, key=str(number))))
        await asyncio.wait_for(seeing, 60)
        news.close()
        engine.stop()
        await asyncio.gather(*running)
    return [waits[contact_id] for contact_id in asked]


async def see(news: News, asked: dict[str, float], waits: dict[str, float], expected: int) -> None:
    place: Place | None = news.place
    while len(waits) < expected:
        changing = news.changing()
        fresh = news.after(place, lambda row: bool(row["type"] == ContactReceived.type))
        assert fresh is not None, "nobody was away"
        place = fresh.place
        now = perf_counter()
        waits |= {row["contact_id"]: (now - asked[row["contact_id"]]) * 1000 for row in fresh.rows}
        if len(waits) < expected:
            await asyncio.wait_for(changing.wait(), 60)
