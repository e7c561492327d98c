"""A day of a large city in minutes, over real roads, with all of Draad at work; and killed on the way, if asked.

    CITY=1000000 MINUTES=10 KILLS=20 python -m bench whole

Whoever sent something keeps what it sent, and that is compared with the log in the end. A provider that hears nothing
sends again, as providers do. The town and its relay run in a process of their own, on the same two cores.
"""

import asyncio
import os
import random
import smtplib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import httpx

from bench.figures import head, percentile, say
from bench.houses import House, one_machine
from bench.load import folder
from channels.days import day_of
from simulation import twilio
from simulation.hours import BUSY, CLOSES, OPENS, moments
from simulation.people import QUESTIONS, Resident, resident
from simulation.relay import relaying
from simulation.streets import Streets
from simulation.year import RESIDENTS, Table
from tests.running import TOKEN

USUAL: Final = {"CITY": "50000", "MINUTES": "1", "KILLS": "0"}
WORKDAYS: Final = 252
AGAIN_S: Final = 0.2  # When a provider that heard nothing sends again.
LOOK_S: Final = 0.01
SETTLE_S_MAX: Final = 120.0
QUIET_S: Final = 20.0  # Nobody had a mail for so long: no more comes.
AT_ONCE_MAX: Final = 200


class Patient(httpx.AsyncBaseTransport):
    """Sends again what was not answered, until it is."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=AT_ONCE_MAX))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        while True:
            try:
                answer = await self._inner.handle_async_request(request)
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            await answer.aclose()
            await asyncio.sleep(AGAIN_S)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Roads(Streets):
    """The streets of a town whose providers never give up."""

    def __init__(self, address: str, lmtp: int, dice: random.Random) -> None:
        super().__init__(address, TOKEN, lmtp, dice)
        self.client = httpx.AsyncClient(base_url=address, transport=Patient(), timeout=None)

    async def hands_over(self, mail: EmailMessage, sender: str) -> None:
        while True:
            try:
                return await super().hands_over(mail, sender)
            except (smtplib.SMTPException, OSError):
                await asyncio.sleep(AGAIN_S)


@dataclass
class Kept:
    """The town's own record."""

    sent: Counter[str] = field(default_factory=Counter)
    answered: list[float] = field(default_factory=list)  # Seconds until each contact was acknowledged.
    shown: list[float] = field(default_factory=list)  # Until it stood on the timeline, of some,
    counted: list[float] = field(default_factory=list)  # and was counted in the figure of today.
    forms: int = 0
    asked: dict[str, float] = field(default_factory=dict)  # When they wrote, by where they are answered,
    mailed: dict[str, float] = field(default_factory=dict)  # and how long until they had a mail.
    twice: int = 0

    def mail(self, raw: bytes, sender: str, to: str) -> None:
        """The relay took a mail to them."""
        del raw, sender
        self.twice += to in self.mailed
        self.mailed.setdefault(to, perf_counter() - self.asked[to])


@dataclass
class City:
    streets: Roads
    kept: Kept
    dice: random.Random
    look: bool = False  # Whether the next form is followed to the timeline.

    async def calls(self, who: Resident) -> None:
        home = f"{self.streets.address}/webhooks/phone/main"
        voice = twilio.Voice(who.phone, f"CA{self.streets.name()}", home, datetime.now(UTC))
        await self.streets.twilio(voice.rings())
        dequeued = voice.own("in-progress", DequeingCallSid=f"CA{self.streets.name()}")
        await self.streets.twilio(twilio.Callback(f"{home}/bridged?agent=sanne", dequeued))
        await self.streets.twilio(voice.ends())

    async def visits(self, who: Resident) -> None:
        del who
        await self.streets.api("/v1/contacts", channel="counter", product="paspoort")

    async def mails(self, who: Resident) -> None:
        self.kept.asked[who.email] = perf_counter()
        await self.streets.mails(who, QUESTIONS[0].title, QUESTIONS[0].text)

    async def forms(self, who: Resident) -> None:
        began = self.kept.asked[who.email] = perf_counter()
        look, self.look = self.look, False
        await self.streets.fills_in(who, QUESTIONS[0].product, QUESTIONS[0].text)
        self.kept.forms += 1
        if look:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.seen(who, began))
                group.create_task(self.counted(self.kept.forms, began))

    async def whatsapps(self, who: Resident) -> None:
        await self.streets.whatsapps(who, QUESTIONS[0].text)

    async def steps(self, who: Resident) -> None:
        del who
        whence = str(IPv4Address(self.dice.getrandbits(32)))  # Each at home: one address alone would soon be too often.
        await self.streets.steps(self.streets.name(), QUESTIONS[0].product, "information", whence=whence)

    async def seen(self, who: Resident, began: float) -> None:
        """Look until it stands in their story."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found = await self.streets.client.post("/v1/search", json={"email": who.email}, headers=headers)
        path = f"/v1/addresses/{found.json()['addresses'][0]['address_id']}/timeline"
        while not (await self.streets.get(path, {})).json()["entries"]:  # noqa: ASYNC110  # Of another process.
            await asyncio.sleep(LOOK_S)
        self.kept.shown.append(perf_counter() - began)

    async def counted(self, many: int, began: float) -> None:
        """Look until so many forms are in the figure of today."""
        today = day_of(datetime.now(UTC)).isoformat()
        path = f"/v1/reports?figures=contacts&channel=web&first={today}&last={today}"
        while figure_of(await self.streets.get(path, {})) < many:  # noqa: ASYNC110  # As above.
            await asyncio.sleep(LOOK_S)
        self.kept.counted.append(perf_counter() - began)


def figure_of(report: httpx.Response) -> int:
    lines = report.json()["lines"]
    return int(lines[0]["figures"]["contacts"]["value"]) if lines else 0


CONTACTS: Final = ("calls", "visits", "mails", "forms", "whatsapps")
CHANNEL_OF: Final = {"calls": "phone", "visits": "counter", "mails": "email", "forms": "web", "whatsapps": "whatsapp"}


def plan(residents: int, dice: random.Random) -> list[tuple[float, str]]:
    """Who comes on one working day, in order: seconds after the doors open, and over which road."""
    table = Table()
    a_year = {
        "calls": table.phone,
        "visits": table.counter,
        "mails": table.email,
        "forms": table.web,
        "whatsapps": table.chat,
        "steps": table.visits,
    }
    of = residents / RESIDENTS / WORKDAYS
    coming = ((at, road) for road, many in a_year.items() for at in moments(round(many * of), BUSY, dice))
    return sorted((at - OPENS * 3_600, road) for at, road in coming)


async def run() -> None:
    await day(one_machine)


async def day(opened: Callable[[Path, int], AbstractContextManager[House]]) -> None:
    """The whole of it, in a house that takes its mails to this relay."""
    residents, minutes, kills = (int(os.environ.get(name, usual)) for name, usual in USUAL.items())
    head(f"A working day of a city of {residents:,} in {minutes} minutes, Draad killed {kills} times")
    kept, dice = Kept(), random.Random(1)
    with folder() as place:
        async with relaying(pass_on=kept.mail) as relay:
            with opened(place, relay.port) as house:
                await asyncio.to_thread(house.start)
                city = City(Roads(house.address, house.doors.lmtp, dice), kept, dice)
                took = await played(city, house, plan(residents, dice), minutes * 60, kills)
                await rested(kept)
                report(kept, took)
                house.report(took)
                await compared(kept, house)


async def played(city: City, house: House, coming: list[tuple[float, str]], day_s: float, kills: int) -> float:
    """Let everybody come at their moment. Returns the seconds until the last was acknowledged."""
    pace, began = day_s / ((CLOSES - OPENS) * 3_600), perf_counter()
    who = (resident(nth) for nth in range(1, 10**6) if resident(nth).email)
    gate = asyncio.Semaphore(AT_ONCE_MAX)
    killing = asyncio.create_task(killed(house, day_s, kills))
    async with asyncio.TaskGroup() as group, looking(city):
        for at, road in coming:
            await asyncio.sleep(max(0.0, began + at * pace - perf_counter()))
            await gate.acquire()
            group.create_task(one(city, road, next(who), gate))
    await killing
    return perf_counter() - began


async def one(city: City, road: str, who: Resident, gate: asyncio.Semaphore) -> None:
    scene: Callable[[Resident], Awaitable[None]] = getattr(city, road)
    began = perf_counter()
    try:
        await scene(who)
    finally:
        gate.release()
    city.kept.sent[road] += 1
    if road in CONTACTS:
        city.kept.answered.append(perf_counter() - began)


@asynccontextmanager
async def looking(city: City) -> AsyncIterator[None]:
    """Once a second a form is followed."""

    async def ask() -> None:
        while True:
            city.look = True
            await asyncio.sleep(1)

    task = asyncio.create_task(ask())
    try:
        yield
    finally:
        task.cancel()


async def killed(house: House, day_s: float, kills: int) -> None:
    for _ in range(kills):
        await asyncio.sleep(day_s / (kills + 1))
        await asyncio.to_thread(house.kill_one)


async def rested(kept: Kept) -> None:
    """Until everybody who wrote had a mail, or nothing came for a while: then it is known why."""
    until = perf_counter() + SETTLE_S_MAX
    seen, since = -1, perf_counter()
    while len(kept.mailed) < len(kept.asked) and perf_counter() < until and perf_counter() - since < QUIET_S:
        if len(kept.mailed) != seen:
            seen, since = len(kept.mailed), perf_counter()
        await asyncio.sleep(0.1)


def report(kept: Kept, took: float) -> None:
    contacts = sum(kept.sent[road] for road in CONTACTS)
    say("contacts, each by all of its webhooks", [contacts / took], "contacts/s", digits=1)
    say("steps of website visitors beside them", [kept.sent["steps"] / took], "steps/s", digits=1)
    for what, waits in (
        ("acknowledged", kept.answered),
        ("on the timeline", kept.shown),
        ("in the figure of today", kept.counted),
        ("a mail taken by the relay", [*kept.mailed.values()]),
    ):
        for name, share in (("p50", 0.5), ("p99", 0.99)) if waits else ():  # Of a small city nobody is followed.
            say(f"from road to {what}, {name}, of {len(waits):,}", [percentile(waits, share) * 1000], "ms", digits=0)


async def compared(kept: Kept, house: House) -> None:
    """What the town kept, beside what the log has once it has all of it, or no more comes."""
    until = perf_counter() + QUIET_S
    while True:  # What was acknowledged may be on its way to a log that others keep.
        received = await asyncio.to_thread(house.facts, "contact.received")
        lost, doubled = reckoned(kept, received)
        if not lost or perf_counter() > until:
            break
    unknown = await asyncio.to_thread(house.facts, "message.unknown")
    marked = {one["address_id"] for one in unknown}
    unmailed = kept.asked.keys() - kept.mailed.keys()
    explained = {one["address"] for one in received if one["address_id"] in marked}
    say("contacts lost", [lost], "contacts")
    say("contacts doubled", [doubled], "contacts")
    say("mails sent twice", [kept.twice], "mails")
    say("mails of which nobody knows whether they left, which an agent is told", [len(unknown)], "mails")
    say("who wrote, and had no mail", [len(unmailed)], "residents")
    say("of whom no agent is told", [len(unmailed - explained)], "residents")


def reckoned(kept: Kept, received: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many contacts were lost, and how many doubled."""
    names = [one["contact_id"] for one in received]
    found = Counter(one["channel"] for one in received)
    wanted = {CHANNEL_OF[road]: kept.sent[road] for road in CONTACTS}
    lost = sum(max(0, many - found[channel]) for channel, many in wanted.items())
    doubled = sum(max(0, found[channel] - many) for channel, many in wanted.items()) + len(names) - len(set(names))
    return lost, doubled
