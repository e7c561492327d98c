"""A year of a municipality, to the last call: the figures that Stichtse Vecht published of 2018, as what came in.

Residents come while it is open and write at any hour; Mondays are busy, lunch is not; on holidays nobody is there. The
totals are those of the table, exactly, for the whole year and for a share of it. The same seed makes the same year.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from typing import Any, Final, NamedTuple
from uuid import UUID

from channels.days import SATURDAY, ZONE, working
from simulation import meta, twilio
from simulation.hours import BUSY, WEEK, WRITTEN, moments, spread
from simulation.letters import form, mail, step
from simulation.people import QUESTIONS, Question, Resident, resident
from simulation.twilio import Callback, Voice

HOME: Final = "https://contact.oefenstad.example"  # Where providers find Draad; their signatures cover it.
FIRST: Final = date(2018, 1, 1)
CHATS_FROM: Final = date(2018, 5, 1)
RESIDENTS: Final = 64_000
WEEKEND: Final = 8  # As much is written on a day of it, where Monday has 26.
MONTHS: Final = (100, 95, 100, 100, 115, 115, 105, 85, 105, 100, 95, 80)  # Passports before the summer.
ABANDONED: Final = 0.08
AHEAD_DAYS: Final = 10  # Nobody books further ahead in this year.


class Table(NamedTuple):
    """How many of each in the year."""

    phone: int = 74_000
    counter: int = 48_000
    email: int = 15_000
    web: int = 26_000
    chat: int = 8_100
    whatsapp: int = 10_000  # A number of ours: of social channels only the score was published.
    visits: int = 538_000
    appointments: int = 19_200
    no_shows: int = 2_500

    def share(self, of: int) -> "Table":
        """One in so many of each."""
        return Table(*(round(many / of) for many in self))


class Item(NamedTuple):
    """Something that comes in at this moment. `road` is a channel, or `api` or `journey`, which have no channel."""

    at: datetime
    road: str
    name: str  # Its sender's own id of it.
    path: str = ""  # With its query, where it comes over HTTP.
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Year:
    """All that came in. `dice` of their own for each road, so that no road hangs on another."""

    def __init__(self, table: Table, seed: int = 1) -> None:
        self.table, self._seed = table, seed

    def items(self) -> Iterator[Item]:
        """In the order of time."""
        contacts = (self.calls, self.visitors, self.mails, self.forms, self.chats, self.texts)
        roads = (*contacts, self.visits, self.appointments)
        every = (road(random.Random(f"{self._seed} {road.__name__}")) for road in roads)
        return merge(*every, key=moment)

    def calls(self, dice: random.Random) -> Iterator[Item]:
        for each in daily(self.table.phone, at_work, BUSY, dice):
            yield from sorted((item for at in each for item in called(dice, at)), key=moment)

    def visitors(self, dice: random.Random) -> Iterator[Item]:
        """Who came to the counter, as the colleague who helped them registers it."""
        for at in hourly(self.table.counter, at_work, BUSY, dice):
            who, said = someone(dice), {"channel": "counter", "at": at.isoformat(), "product": asked(dice).product}
            where = {"kind": "email", "value": who.email} if who.email else {"kind": "phone", "value": who.phone}
            helped = {"address": where, "agent_id": colleague(dice), "result": "answered"}
            yield posted(dice, at, "/v1/contacts", said | helped)

    def mails(self, dice: random.Random) -> Iterator[Item]:
        for at in hourly(self.table.email, at_home, WRITTEN, dice):
            name, question = rolled(dice), asked(dice)
            written = mail(with_mail(dice), question.title, question.text, name, at)
            yield Item(at, "email", name, body=bytes(written))

    def forms(self, dice: random.Random) -> Iterator[Item]:
        """Each with its steps on the way to the product: begun, and sent."""
        for at in hourly(self.table.web, at_home, WRITTEN, dice):
            name, question = rolled(dice), asked(dice)
            yield Item(at, "journey", name, body=step(name, question.product, "started"))
            letter = form(someone(dice), question.product, question.text, name, at)
            yield Item(at, "web", name, "/webhooks/web/forms", letter.headers, letter.body)
            yield Item(at, "journey", name, body=step(name, question.product, "completed"))

    def chats(self, dice: random.Random) -> Iterator[Item]:
        """From May on. `name` is that of the session."""
        for at in hourly(self.table.chat, since_may, BUSY, dice):
            said = {"id": rolled(dice), "text": asked(dice).text}
            yield Item(at, "chat", rolled(dice), body=json.dumps(said).encode())

    def texts(self, dice: random.Random) -> Iterator[Item]:
        """WhatsApp, as Meta tells of it."""
        for at in hourly(self.table.whatsapp, at_home, WRITTEN, dice):
            who, name = someone(dice), f"wamid.{rolled(dice)}"
            number, stamp = who.phone.removeprefix("+"), str(int(at.timestamp()))
            said = meta.message(name, number=number, text={"body": asked(dice).text}, timestamp=stamp)
            body = meta.packed(meta.payload(said, contacts=[meta.sender(who.name, number)]))
            headers = {"X-Hub-Signature-256": meta.signature(body)}
            yield Item(at, "whatsapp", name, "/webhooks/whatsapp/main", headers, body)

    def visits(self, dice: random.Random) -> Iterator[Item]:
        for at in hourly(self.table.visits, at_home, WRITTEN, dice):
            name = rolled(dice)
            yield Item(at, "journey", name, body=step(name, asked(dice).product, "information"))

    def appointments(self, dice: random.Random) -> Iterator[Item]:
        """Booked some days before; kept, but for those who did not come."""
        agreed = list(hourly(self.table.appointments, at_work, BUSY, dice))
        missed = set(dice.sample(range(len(agreed)), self.table.no_shows))
        every = (item for nth, at in enumerate(agreed) for item in visited(dice, at, comes=nth not in missed))
        yield from sorted(every, key=moment)


def moment(item: Item) -> datetime:
    return item.at


def daily(
    total: int, weight: Callable[[date], int], hours: Mapping[int, int], dice: random.Random
) -> Iterator[Sequence[datetime]]:
    """The moments of each day of the year, all of them together as many as that."""
    days = [FIRST + timedelta(days=nth) for nth in range(365)]
    for day, many in zip(days, spread(total, [weight(day) for day in days]), strict=True):
        midnight = datetime.combine(day, time())
        yield [
            (midnight + timedelta(seconds=int(second))).replace(tzinfo=ZONE).astimezone(UTC)
            for second in moments(many, hours, dice)
        ]


def hourly(
    total: int, weight: Callable[[date], int], hours: Mapping[int, int], dice: random.Random
) -> Iterator[datetime]:
    for each in daily(total, weight, hours, dice):
        yield from each


def at_work(day: date) -> int:
    """How many come on this day, beside other days."""
    return WEEK[day.weekday()] * MONTHS[day.month - 1] if working(day) else 0


def at_home(day: date) -> int:
    """People write on Sundays too."""
    return (WEEK[day.weekday()] if day.weekday() < SATURDAY else WEEKEND) * MONTHS[day.month - 1]


def since_may(day: date) -> int:
    return at_work(day) if day >= CHATS_FROM else 0


def called(dice: random.Random, at: datetime) -> Iterator[Item]:
    """What Twilio tells of one call: it rings and waits, mostly somebody takes it, and it is over."""
    path = "/webhooks/phone/main"
    voice = Voice(someone(dice).phone, f"CA{rolled(dice)}", f"{HOME}{path}", at)
    waited, lasted = dice.randrange(5, 90), dice.randrange(60, 400)
    told = [(0, voice.rings())]
    if dice.random() < ABANDONED:
        told += [(waited, Callback(f"{HOME}{path}/queued", voice.own("completed", QueueResult="hangup")))]
        lasted = 0
    else:
        dequeued = voice.own("in-progress", DequeingCallSid=f"CA{rolled(dice)}")
        told += [(waited, Callback(f"{HOME}{path}/bridged?agent={colleague(dice)}", dequeued))]
    told += [(waited + lasted, voice.ends(lasted=waited + lasted))]
    for after, callback in told:
        then = at + timedelta(seconds=after)
        sent = twilio.inbound(callback, then)
        yield Item(then, "phone", voice.sid, callback.url.removeprefix(HOME), sent.headers, sent.body)


def visited(dice: random.Random, starts: datetime, *, comes: bool) -> Iterator[Item]:
    reference, product = rolled(dice), asked(dice).product
    booked = starts - timedelta(days=dice.randrange(1, AHEAD_DAYS), minutes=dice.randrange(600))
    said = {"reference": reference, "product": product, "at": booked.isoformat(), "starts_at": starts.isoformat()}
    yield posted(dice, booked, "/v1/appointments", said)
    if comes:
        arrived = starts - timedelta(minutes=dice.randrange(1, 15))
        for path, at in (("arrivals", arrived), ("servings", starts + timedelta(minutes=dice.randrange(5, 25)))):
            yield posted(dice, at, f"/v1/appointments/{path}", {"reference": reference, "at": at.isoformat()})


def posted(dice: random.Random, at: datetime, path: str, said: Mapping[str, Any]) -> Item:
    return Item(at, "api", rolled(dice), path, body=json.dumps(said).encode())


def rolled(dice: random.Random) -> str:
    return UUID(int=dice.getrandbits(128), version=4).hex


def colleague(dice: random.Random) -> str:
    return f"agent-{dice.randrange(20)}"


def asked(dice: random.Random) -> Question:
    return dice.choice(QUESTIONS)


def someone(dice: random.Random) -> Resident:
    return resident(dice.randrange(RESIDENTS))


def with_mail(dice: random.Random) -> Resident:
    who = someone(dice)
    return who if who.email else with_mail(dice)
