"""What runs while things break: jars that are counted, alarms, letters that a courier sends, and two views."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Final

from sqlalchemy import Column, Integer, MetaData, String, Table

from engine.processor import Drop, Part, Projection, Put, State, processor, projection
from schemas.event import NONE, Envelope, Event, Id, When, fact
from schemas.timer import TimerElapsed, TimerSet

CALLERS: Final = 16
JARS: Final = 5  # Fewer than callers, so that several write about one subject.
ALARM_EVERY: Final = 6
LETTER_EVERY: Final = 25
ALARM_AFTER: Final = timedelta(milliseconds=300)
START: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)

Number = Annotated[int, NONE]


class OfJar(Event):
    jar_id: Id

    @property
    def subject(self) -> str:
        return f"jar/{self.jar_id}"


class Added(OfJar):
    """The nth thing that this caller put into the jar."""

    type: ClassVar[str] = "jar.added"

    caller: Number
    nth: Number
    alarm: When


class Counted(OfJar):
    type: ClassVar[str] = "jar.counted"

    total: Number
    in_order: Number  # 1 if what this caller added before is known.


class Rang(OfJar):
    type: ClassVar[str] = "jar.rang"

    name: Id


class Letter(Event):
    """What the facts about a letter share: they are filed under the jar's letterbox."""

    jar_id: Id
    total: Number

    @property
    def subject(self) -> str:
        return f"box/{self.jar_id}"


class LetterAsked(Letter):
    type: ClassVar[str] = "letter.asked"


class LetterSent(Letter):
    type: ClassVar[str] = "letter.sent"


class LetterUnknown(Letter):
    type: ClassVar[str] = "letter.unknown"


class Jar(State, frozen=True):
    total: int = 0
    latest: tuple[int, ...] = (-1,) * CALLERS


class Bell(State, frozen=True):
    rings: int = 0


def count(jar: Jar, event: Added) -> tuple[Jar, list[Event]]:
    follows = int(jar.latest[event.caller] == event.nth - 1)
    latest = (*jar.latest[: event.caller], event.nth, *jar.latest[event.caller + 1 :])
    total = jar.total + 1
    events: list[Event] = [Counted(at=event.at, jar_id=event.jar_id, total=total, in_order=follows)]
    if total % LETTER_EVERY == 0:
        events.append(LetterAsked(at=event.at, jar_id=event.jar_id, total=total))
    return Jar(total=total, latest=latest), events


def ring(bell: Bell, event: Added | TimerElapsed) -> tuple[Bell, list[Event]]:
    match event:
        case Added(at=at, caller=caller, nth=nth, alarm=due) if nth % ALARM_EVERY == 0:
            return bell, [TimerSet(at=at, about=event.subject, name=f"bell.c{caller}.n{nth}", due=due)]
        case Added():
            return bell, []
        case TimerElapsed(at=at, about=about, name=name):
            rang = Rang(at=at, jar_id=about.removeprefix("jar/"), name=name)
            return Bell(rings=bell.rings + 1), [rang]


def line(event: Counted, envelope: Envelope) -> list[Put]:
    return [Put({"id": envelope.id, "jar": event.jar_id, "total": event.total})]


def latest(event: Counted, envelope: Envelope) -> Sequence[Put | Drop]:
    """The jar's last total; a full dozen is put away."""
    if event.total % 12 == 0:
        return [Drop({"jar": event.jar_id})]
    return [Put({"jar": event.jar_id, "total": event.total})]


SHEET: Final = Table(
    "sheet",
    MetaData(),
    Column("id", String(36), primary_key=True),
    Column("jar", String, nullable=False, index=True),
    Column("total", Integer, nullable=False),
)
LATEST: Final = Table(
    "latest", MetaData(), Column("jar", String, primary_key=True), Column("total", Integer, nullable=False)
)

counting: Final = processor("counting", count)
bell: Final = processor("bell", ring)
sheet: Final[Projection] = projection("sheet", SHEET, line)
newest: Final[Projection] = projection("newest", LATEST, latest)

PARTS: Final[tuple[Part, ...]] = (counting, bell, sheet, newest)
POST: Final = "post"  # The courier's name.


def added(caller: int, nth: int, start: datetime) -> Envelope:
    """The same fact, whenever it is made: alarms of the first are due soon after `start`, of later ones later."""
    alarm = start + nth * timedelta(milliseconds=2) + ALARM_AFTER
    event = Added(at=START, jar_id=f"j{caller % JARS}", caller=caller, nth=nth, alarm=alarm)
    return fact(event, key=f"{caller}-{nth}")
