"""What the contract is tried on: jars that are counted, books that follow from them, alarms, and views."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from sqlalchemy import Column, Index, Integer, MetaData, String, Table

from engine.processor import Add, Drop, Part, Processor, Projection, Put, State, processor, projection, register
from schemas.event import NONE, Envelope, Event, When, fact
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

UNLUCKY: Final = 13
SHELF_FULL: Final = 5

Plain = Annotated[str, NONE]
Number = Annotated[int, NONE]


class About(Event):
    about: Plain

    @property
    def subject(self) -> str:
        return self.about


class InJar(About):
    """It is about a jar, and says so: its topic is known before any is made."""

    @property
    def subject(self) -> str:
        return f"jar/{self.about.removeprefix('jar/')}"


class Added(InJar):
    """Something was put into a jar."""

    type: ClassVar[str] = "jar.added"

    amount: Number
    note: Plain = ""


class Counted(InJar):
    type: ClassVar[str] = "jar.counted"

    total: Number


class Noted(About):
    """The same, told to the jar's book: another subject."""

    type: ClassVar[str] = "book.noted"

    total: Number

    @property
    def subject(self) -> str:
        return f"book/{self.about.removeprefix('book/')}"


class Asked(About):
    type: ClassVar[str] = "alarm.asked"

    name: Plain
    due: When


class CalledOff(About):
    type: ClassVar[str] = "alarm.called-off"

    name: Plain


class Rang(About):
    type: ClassVar[str] = "alarm.rang"

    name: Plain
    due: When


class Jar(State, frozen=True):
    total: int = 0
    amounts: tuple[int, ...] = ()


class Book(State, frozen=True):
    lines: tuple[int, ...] = ()


class Record(State, frozen=True):
    """What the board remembers of a jar."""

    best: int = 0
    times: int = 0


class Side(State, frozen=True):
    """On which side of the scales a jar stands, and how heavy it is."""

    side: str = ""
    total: int = 0


class Bell(State, frozen=True):
    rings: int = 0


def count(jar: Jar, event: Added) -> tuple[Jar, list[Event]]:
    total = jar.total + event.amount
    counted = Counted(at=event.at, about=event.about, total=total)
    noted = Noted(at=event.at, about=event.about.replace("jar/", "book/"), total=total)
    return Jar(total=total, amounts=(*jar.amounts, event.amount)), [counted, noted]


def shy_count(jar: Jar, event: Added) -> tuple[Jar, list[Event]]:
    if event.amount == UNLUCKY:
        raise ValueError(f"{event.amount} of {event.note} brings bad luck")
    return count(jar, event)


def keep(book: Book, event: Noted) -> tuple[Book, list[Event]]:
    return Book(lines=(*book.lines, event.total)), []


def ring(bell: Bell, event: Asked | CalledOff | TimerElapsed) -> tuple[Bell, list[Event]]:
    match event:
        case Asked(at=at, about=about, name=name, due=due):
            return bell, [TimerSet(at=at, about=about, name=f"bell.{name}", due=due)]
        case CalledOff(at=at, about=about, name=name):
            return bell, [TimerCleared(at=at, about=about, name=f"bell.{name}")]
        case TimerElapsed(at=at, about=about, name=name, due=due):
            rang = Rang(at=at, about=about, name=name.removeprefix("bell."), due=due)
            return Bell(rings=bell.rings + 1), [rang]


def entry(event: Counted, envelope: Envelope) -> list[Put]:
    return [Put({"id": envelope.id, "about": event.about, "total": event.total})]


def shelved(event: Counted, envelope: Envelope) -> Sequence[Put | Drop]:
    if event.total % SHELF_FULL == 0:
        return [Drop({"about": event.about})]
    return [Put({"about": event.about, "total": event.total})]


def recorded(record: Record, event: Counted, envelope: Envelope) -> tuple[Record, list[Put]]:
    after = Record(best=max(record.best, event.total), times=record.times + 1)
    return after, [Put({"about": envelope.subject, "best": after.best, "times": after.times})]


def weighed(known: Side, event: Counted, envelope: Envelope) -> tuple[Side, list[Add]]:
    """All jars stand on two scales: a jar that is on another side now is lighter there and heavier here."""
    after = Side(side="odd" if event.total % 2 else "even", total=event.total)
    gone = [Add({"side": known.side, "where": "here"}, {"jars": -1, "total": -known.total})] if known.side else []
    return after, [*gone, Add({"side": after.side, "where": "here"}, {"jars": 1, "total": after.total})]


LEDGER: Final = Table(
    "ledger",
    MetaData(),
    Column("id", String(36), primary_key=True),
    Column("about", String, nullable=False),
    Column("total", Integer, nullable=False),
    Index("ledger_about", "about"),
)
SHELF: Final = Table(
    "shelf",
    MetaData(),
    Column("about", String, primary_key=True),
    Column("total", Integer, nullable=False),
)

BOARD: Final = Table(
    "board",
    MetaData(),
    Column("about", String, primary_key=True),
    Column("best", Integer, nullable=False),
    Column("times", Integer, nullable=False),
)

SCALES: Final = Table(
    "scales",
    MetaData(),
    Column("jars", Integer, nullable=False),
    Column("side", String, primary_key=True),
    Column("where", String, primary_key=True),
    Column("total", Integer, nullable=False),
    Column("never", Integer, nullable=False),
)

tally: Final = processor("tally", count)
shy: Final = processor("tally", shy_count)  # The same part before its cause was mended.
tally_2: Final = processor("tally", count, version=2)
book: Final = processor("book", keep)
bell: Final = processor("bell", ring)
ledger: Final = projection("ledger", LEDGER, entry)
ledger_2: Final = projection("ledger", LEDGER, entry, version=2)
shelf: Final = projection("shelf", SHELF, shelved)
board: Final = register("board", BOARD, recorded)
scales: Final = register("scales", SCALES, weighed)

PARTS: Final[tuple[Processor[Jar] | Processor[Book] | Processor[Bell] | Projection, ...]] = (
    tally,
    book,
    bell,
    ledger,
    shelf,
    board,
    scales,
)


def shy_parts() -> tuple[Part, ...]:
    return (shy, *PARTS[1:])


def added(when: When, about: str, amount: int, key: str, note: str = "") -> Envelope:
    return fact(Added(at=when, about=about, amount=amount, note=note), key=key)
