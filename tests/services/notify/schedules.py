"""A municipality played from a seed: roads fail, mails come back, and its process dies before or after any step.

Where it stands is a place of the contract, so that the same is played on every engine. Time passes as the test says.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import sqrt
from random import Random
from typing import Any, Final

from channels.channel import Message, Undeliverable
from engine.broker import Sent
from engine.courier import Rounds
from engine.engine import Engine
from engine.kafka import KafkaStore
from engine.processor import Courier as Part
from engine.processor import courier as courier_of
from engine.seat import LEASE
from schemas.appointment import AppointmentBooked, AppointmentCancelled
from schemas.case import CaseOpened, CaseStatusChanged
from schemas.errors import Ambiguous, Unavailable
from schemas.event import Event, fact
from schemas.kinds import KINDS
from schemas.message import MessageBounced, MessageRequested, MessageSent
from schemas.notification import NotificationDue
from schemas.party import PartyAddressLinked, PartyKindPreferred, PartyPreferenceSet
from services.intake import courier
from services.intake.courier import Courier
from services.intake.outbox import outbox
from services.notify import writer
from services.notify.appointments import appointments
from services.notify.cases import cases
from services.notify.notification import notifications
from services.notify.reach import reaching
from services.notify.receipts import receipts
from services.notify.settings import Template
from services.notify.writer import Writer
from tests.contract.places import Place
from tests.services.notify.test_writer import HEAD

START: Final = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
STEP: Final = timedelta(hours=7)
SPAN: Final = timedelta(days=9)
QUIET: Final = 16  # Turns in the end in which nothing dies: more than a day and a whole ladder.
DEADLY: Final = 0.08  # How often a process dies where it can, in a town of one.
PARTS: Final = (appointments, cases, reaching, notifications, receipts, outbox)  # All that a word to somebody passes.
WRITER: Final = courier_of(writer.NAME, NotificationDue)
CARRIER: Final = courier_of(courier.NAME, MessageRequested)

KNOWN: Final = (
    ("email", "j@mail.example", 0.8),
    ("phone", "+31612345678", 0.8),
    ("post", "J. Bakker, Kade 2, 1234 AB Ons", 0.4),
)
ROADS: Final = ("email", "sms", "whatsapp", "letter")
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


class World:
    """One municipality, at one place, and dice."""

    def __init__(self, place: Place, seed: int, people: int = 1, roads: type[Road] = Road) -> None:
        self.place, self.dice, self.clock = place, Random(seed), place.clock
        self.deadly = DEADLY / sqrt(people)  # So that a town gets round too.
        self.clock.now = START
        self.taken: Counter[str] = Counter()
        self.roads = {name: roads(name, self.dice, self.taken) for name in ROADS}
        self.sent: list[MessageSent] = []
        self.bounced: set[str] = set()
        self.deaths: Counter[str] = Counter()
        self.told, self.living = 0, False
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        assert self._engine
        return self._engine

    async def begin(self) -> None:
        """A process that has just started, perhaps where another has died, or where a server was too slow for one."""
        while True:
            with suppress(Unavailable):
                self._engine = await (self.place.crash(self._engine) if self._engine else self.place.open())
                break
        if isinstance(store := self.engine.store, KafkaStore):
            self._may_fall_silent(store)
        self.carrier = Courier(self.engine, self.roads, self.clock)
        self.writer = Writer(self.engine, EVERY_ROAD, self.clock)

    def _may_fall_silent(self, store: KafkaStore) -> None:
        """It may die between what it has committed to PostgreSQL and what it says of it on Kafka."""
        produce = store._broker.produce

        async def perhaps(sent: list[Sent]) -> None:
            if sent and sent[0].origin in store._watches:  # Else it is a fact from outside, which others carry.
                self.may_die("unsaid")
            await produce(sent)

        store._broker.produce = perhaps  # type: ignore[method-assign,assignment]

    def may_die(self, when: str) -> None:
        if not self.living and self.dice.random() < self.deadly:
            self.deaths[when] += 1
            raise Died

    async def say(self, *events: Event) -> None:
        for event in events:
            self.told += 1
            await self.engine.append(fact(event, key=str(self.told)))

    async def lives(self) -> bool:
        """Whether it came through a turn: else it died, or a server did not answer in time, and it begins anew."""
        try:
            await self.turn()
        except (Died, Unavailable):
            await self.begin()
            return False
        return True

    async def turn(self) -> None:
        """All that is to be done now, unless everything dies."""
        await self.engine.settle(*PARTS)
        await self.lend(WRITER, self.write)
        await self.lend(CARRIER, self.carry)

    async def lend(self, part: Part, act: Any) -> None:  # A method.
        for where in await self.engine.store.partitions([part]):
            rounds = Rounds(self.engine.store, part, where, self.clock)
            try:
                async for delivery in rounds.lend(LEASE):
                    self.may_die("begun")
                    outcome = await act(delivery)
                    self.may_die("acted")
                    await delivery.done(outcome)
                    if isinstance(outcome, MessageSent):
                        self.sent.append(outcome)
                    self.may_die("done")
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
        for said in self.sent:
            if said.message_id not in self.bounced and self.dice.random() < 0.1:
                self.bounced.add(said.message_id)
                on = {"message_id": said.message_id, "address_id": said.address_id, "channel": said.channel}
                await self.say(MessageBounced(at=self.clock.now, reason="mailbox-full", **on))


def facts(dice: Random, number: int) -> Iterable[Event]:
    """Somebody of whom more or less is known, who hears of a case and of an appointment."""
    on: dict[str, Any] = {"at": START, "party_id": f"p{number}"}
    case, visit = f"k{number}", f"a{number}"
    for channel, address, often in KNOWN:
        if dice.random() < often:
            where = f"{channel}{number}"
            yield PartyAddressLinked(**on, address_id=where, channel=channel, address=address, certainty="certain")
    if dice.random() < 0.3:
        yield PartyPreferenceSet(**on, channel=dice.choice(["sms", "email", "whatsapp", "letter", "phone"]))
    if dice.random() < 0.3:
        yield PartyKindPreferred(**on, kind=dice.choice([*KINDS]), channel=dice.choice(["off", "sms", "letter"]))
    yield CaseOpened(**on, case_id=case, kind="passport", title="Paspoort")
    yield CaseStatusChanged(at=START, case_id=case, status="klaar")
    starts = START + timedelta(days=dice.choice([1, 3, 6]))
    yield AppointmentBooked(**on, appointment_id=visit, product="paspoort", branch="main", starts_at=starts)
    if dice.random() < 0.3:
        yield AppointmentCancelled(at=START, appointment_id=visit, by="party")


async def play(place: Place, seed: int, people: int = 1) -> World:
    """Nine days with deaths, and then more than one in which nothing dies."""
    world = World(place, seed, people)
    await world.begin()
    for number in range(people):
        await world.say(*facts(world.dice, number))
    while world.clock.now <= START + SPAN:
        if await world.lives():
            await world.come_back()
        world.clock.now += STEP if world.dice.random() < 0.5 else timedelta(minutes=20)
    world.living = True
    for _ in range(QUIET):  # What came back last is told by a person.
        while not await world.lives():
            pass
        world.clock.now += STEP
    await world.engine.settle(*PARTS)
    return world
