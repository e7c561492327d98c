"""Whatever fails, and wherever everything dies: what is to be told is taken once by a provider, or there is a reason.

Each schedule is played from a seed: roads that are away, refuse, take it and say nothing or break off before; mails
that come back; and a process that dies before or after any step, and begins anew with what is on the disk.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from channels.channel import Message, Undeliverable
from engine.courier import Rounds
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.processor import Courier as Part
from engine.processor import courier as courier_of
from engine.seat import LEASE
from schemas import CATALOGUE
from schemas.appointment import AppointmentBooked, AppointmentCancelled
from schemas.case import CaseOpened, CaseStatusChanged
from schemas.contact import ContactMade
from schemas.errors import Ambiguous, Unavailable
from schemas.event import Envelope, Event, fact
from schemas.kinds import KINDS
from schemas.message import MessageBounced, MessageRequested, MessageSent, MessageUnknown
from schemas.notification import NotificationDue, NotificationRequested, NotificationWithheld
from schemas.party import PartyAddressLinked, PartyKindPreferred, PartyPreferenceSet
from schemas.task import TaskOpened
from services.intake import courier
from services.intake.courier import Courier
from services.intake.outbox import outbox
from services.notify import writer
from services.notify.appointments import appointments
from services.notify.cases import cases
from services.notify.notification import by_a_person, notifications
from services.notify.reach import reaching
from services.notify.receipts import receipts
from services.notify.settings import Template
from services.notify.writer import Writer
from tests.services.notify.test_writer import HEAD

SCHEDULES: Final = 1_000
TOGETHER: Final = 50  # In one test.
START: Final = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
STEP: Final = timedelta(hours=7)
ROUNDS_MAX: Final = 80
QUIET: Final = 16  # Turns in the end in which nothing dies: more than a day and a whole ladder.
PARTS: Final = (appointments, cases, reaching, notifications, receipts, outbox)  # All that a word to somebody passes.
WRITER: Final = courier_of(writer.NAME, NotificationDue)
CARRIER: Final = courier_of(courier.NAME, MessageRequested)


KNOWN: Final = (
    ("email", "j@mail.example", 0.8),
    ("phone", "+31612345678", 0.8),
    ("post", "J. Bakker, Kade 2, 1234 AB Ons", 0.4),
)
NEWS_TOLD: Final = '"case-status"'
NEWS: Final = Template(name="nieuws", text="Er is nieuws over uw zaak. De status is: {status}.")
ON_WHATSAPP: Final = HEAD.settings.model_copy(update={"whatsapp": {"nl": {"case-status": NEWS}}})
EVERY_ROAD: Final = HEAD._replace(settings=ON_WHATSAPP, letters=True)


class Died(Exception):  # It is no error: it is what the test does.
    pass


class Road:
    """A provider that does any of it. It lists what it took, but not always."""

    def __init__(self, name: str, dice: Random, taken: Counter[str]) -> None:
        self.name, self._dice, self._taken = name, dice, taken

    async def send(self, message: Message) -> str:
        assert message.valid_s is None or message.valid_s > 0, "nobody needs it any more"
        fate = self._dice.choice(("taken", "taken", "silent", "broken", "away", "refused"))
        if fate in {"taken", "silent"}:
            self._taken[message.message_id] += 1
        match fate:
            case "away":
                raise Unavailable("not now")
            case "refused":
                raise Undeliverable("no such address", "no-such-address")
            case "silent" | "broken":
                raise Ambiguous("nobody knows")
        return f"r-{message.message_id}"

    async def reconcile(self, message: Message) -> str | None:
        listed = self._taken[message.message_id] and self._dice.random() < 0.7
        return f"r-{message.message_id}" if listed else None


class Shut(Road):
    """A provider that knows nobody."""

    async def send(self, message: Message) -> str:
        raise Undeliverable("no such address", "no-such-address")


class World:
    """One municipality, one disk, and dice."""

    def __init__(self, seed: int) -> None:
        self.dice, self.disk, self.now = Random(seed), Disk(), START
        self.taken: Counter[str] = Counter()
        self.bounced: set[str] = set()
        self.told, self.living = 0, False
        self.begin()

    def begin(self) -> None:
        self.engine = Engine(MemoryStore(self.disk, self.clock), clock=self.clock)
        roads = {name: Road(name, self.dice, self.taken) for name in ("email", "sms", "whatsapp", "letter")}
        self.carrier = Courier(self.engine, roads, self.clock)
        self.writer = Writer(self.engine, EVERY_ROAD, self.clock)

    def clock(self) -> datetime:
        return self.now

    def may_die(self) -> None:
        if not self.living and self.dice.random() < 0.08:
            raise Died

    async def say(self, *events: Event) -> None:
        for event in events:
            self.told += 1
            await self.engine.append(fact(event, key=str(self.told)))

    async def turn(self) -> None:
        """All that is to be done now, unless everything dies."""
        await self.engine.settle(*PARTS)
        for part, act in ((WRITER, self.write), (CARRIER, self.carry)):
            await self.lend(part, act)
        await self.engine.settle(*PARTS)

    async def lend(self, part: Part, act: Any) -> None:  # A method.
        rounds = Rounds(self.engine.store, part, "", self.clock)
        try:
            async for delivery in rounds.lend(LEASE):
                self.may_die()
                outcome = await act(delivery)
                self.may_die()
                await delivery.done(outcome)
                self.may_die()
        except Died:
            rounds.forget()  # Who is dead holds on to nothing.
            raise
        await rounds.let_go()

    async def write(self, delivery: Any) -> Event:  # A delivery.
        return self.writer.written(delivery.event)

    async def carry(self, delivery: Any) -> Event:  # As above.
        outcome: Event = await self.carrier._attempt(delivery)
        return outcome

    async def come_back(self) -> None:
        """Some of what was sent comes back, later."""
        for sent in [one for one in await self.log() if one.type == MessageSent.type]:
            said = MessageSent.model_validate_json(sent.data)
            if said.message_id not in self.bounced and self.dice.random() < 0.1:
                self.bounced.add(said.message_id)
                on = {"message_id": said.message_id, "address_id": said.address_id, "channel": said.channel}
                await self.say(MessageBounced(at=self.now, reason="mailbox-full", **on))

    async def log(self) -> list[Envelope]:
        return [*await self.engine.read(limit=100_000)]


def facts(dice: Random) -> Iterable[Event]:
    """Somebody of whom more or less is known, who hears of a case and of an appointment."""
    on: dict[str, Any] = {"at": START, "party_id": "p1"}
    for channel, address, often in KNOWN:
        if dice.random() < often:
            yield PartyAddressLinked(**on, address_id=channel, channel=channel, address=address, certainty="certain")
    if dice.random() < 0.3:
        yield PartyPreferenceSet(**on, channel=dice.choice(["sms", "email", "whatsapp", "letter", "phone"]))
    if dice.random() < 0.3:
        yield PartyKindPreferred(**on, kind=dice.choice([*KINDS]), channel=dice.choice(["off", "sms", "letter"]))
    yield CaseOpened(**on, case_id="k1", kind="passport", title="Paspoort")
    yield CaseStatusChanged(at=START, case_id="k1", status="klaar")
    starts = START + timedelta(days=dice.choice([1, 3, 6]))
    yield AppointmentBooked(**on, appointment_id="a1", product="paspoort", branch="main", starts_at=starts)
    if dice.random() < 0.3:
        yield AppointmentCancelled(at=START, appointment_id="a1", by="party")


async def play(seed: int) -> World:
    world = World(seed)
    await world.say(*facts(world.dice))
    for _ in range(ROUNDS_MAX):
        try:
            await world.turn()
            await world.come_back()
        except Died:
            world.begin()
        world.now += STEP if world.dice.random() < 0.5 else timedelta(minutes=20)
        if world.now > START + timedelta(days=9):
            break
    world.living = True
    for _ in range(QUIET):  # What came back last is told by a person.
        await world.turn()
        world.now += STEP
    return world


@pytest.mark.parametrize("first", range(0, SCHEDULES, TOGETHER))
async def test_each_is_taken_once_or_there_is_a_reason(first: int) -> None:
    for seed in range(first, first + TOGETHER):
        world = await play(seed)
        log = await world.log()
        opened = [CATALOGUE[one.type].model_validate_json(one.data) for one in log]
        wished = {e.notification_id for e in opened if isinstance(e, NotificationRequested)}
        written = {e.message_id: e.notification_id for e in opened if isinstance(e, ContactMade)}
        unknown = {written[e.message_id] for e in opened if isinstance(e, MessageUnknown)}
        withheld = {e.notification_id for e in opened if isinstance(e, NotificationWithheld)}
        tasks = [e.task_id for e in opened if isinstance(e, TaskOpened)]
        assert wished, seed
        assert all(times == 1 for times in world.taken.values()), seed
        assert len(tasks) == len({*tasks}), seed
        reasons = unknown | withheld | {name for name in wished if task_of(name) in tasks}
        for name in wished:
            kept = [m for m in world.taken if written[m] == name and m not in world.bounced]
            assert len(kept) == 1 or (not kept and name in reasons), (seed, name, kept)


def task_of(notification_id: str) -> str:
    return by_a_person(NotificationRequested(**WISH, notification_id=notification_id), START).task_id


WISH: Final[dict[str, Any]] = {"at": START, "party_id": "p1", "about": "case/k1", "template": "case-status"}


async def test_whom_no_road_reaches_is_told_by_a_person_however_many_roads_were_tried() -> None:
    world = World(0)
    world.living = True
    shut = {name: Shut(name, world.dice, world.taken) for name in world.carrier._senders}
    world.carrier = Courier(world.engine, shut, world.clock)
    on: dict[str, Any] = {"at": START, "party_id": "p1"}
    for channel, address, _ in KNOWN:
        linked = PartyAddressLinked(**on, address_id=channel, channel=channel, address=address, certainty="certain")
        await world.say(linked)
    await world.say(PartyPreferenceSet(**on, channel="whatsapp"), CaseOpened(**on, case_id="k1", kind="x", title="X"))
    await world.say(CaseStatusChanged(at=START, case_id="k1", status="klaar"))
    for _ in range(2 * len(EVERY_ROAD)):
        await world.turn()
    log = await world.log()
    tried = [
        json.loads(one.data)["channel"] for one in log if one.type == NotificationDue.type and NEWS_TOLD in one.data
    ]
    assert tried == ["whatsapp", "sms", "email", "letter"]
    assert [one.type for one in log].count(TaskOpened.type) == 2  # Of both messages.
    assert await world.engine.parked() == []
