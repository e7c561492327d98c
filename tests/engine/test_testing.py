"""Given, when, then: what the sentences mean, and that they fail when they are not true."""

from datetime import UTC, datetime, timedelta
from itertools import count as counter
from typing import ClassVar

import pytest
from msgspec import ValidationError
from sqlalchemy import Column, Integer, MetaData, String, Table

from engine.processor import Drop, Put, State, TooMuch, processor, projection
from engine.testing import given, shown
from schemas.event import Envelope, Event
from schemas.timer import TimerElapsed, TimerSet

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
dice = counter()


class Knocked(Event):
    type: ClassVar[str] = "door.knocked"

    door: str

    @property
    def subject(self) -> str:
        return f"door/{self.door}"


class Opened(Knocked):
    type: ClassVar[str] = "door.opened"


class Door(State, frozen=True):
    knocks: int = 0


def answer(door: Door, event: Knocked | TimerElapsed) -> tuple[Door, list[Event]]:
    match event:
        case Knocked(at=at, door=name) if door.knocks == 1:
            return Door(), [Opened(at=at, door=name)]
        case Knocked(at=at):
            due = at + timedelta(minutes=1)
            return Door(knocks=1), [TimerSet(at=at, about=event.subject, name="porter", due=due)]
        case TimerElapsed():
            return Door(), []


porter = processor("porter", answer)
knocked = Knocked(at=MONDAY, door="a")
elsewhere = Knocked(at=MONDAY, door="b")
opened = Opened(at=MONDAY, door="a")
waits = TimerSet(at=MONDAY, about="door/a", name="porter", due=MONDAY + timedelta(minutes=1))


def test_what_follows_is_exactly_what_is_said() -> None:
    given(porter).when(knocked).then(waits)
    given(porter, knocked).when(knocked).then(opened)
    given(porter, knocked, knocked).when(knocked, knocked).then(waits, opened)


@pytest.mark.parametrize("wrong", [(), (waits,), (opened, opened), (opened.model_copy(update={"door": "b"}),)])
def test_anything_else_fails(wrong: tuple[Event, ...]) -> None:
    scene = given(porter, knocked).when(knocked)
    with pytest.raises(AssertionError):
        scene.then(*wrong)


def test_each_subject_has_a_state_of_its_own() -> None:
    scene = given(porter, elsewhere).when(knocked).then(waits)
    assert scene.knows("door/a") == Door(knocks=1)
    assert scene.knows("door/c") == Door()


def test_only_the_last_when_is_looked_at() -> None:
    given(porter).when(knocked).when(elsewhere, elsewhere).then(
        waits.model_copy(update={"about": "door/b"}), opened.model_copy(update={"door": "b"})
    )


def test_a_step_that_throws_dice_is_caught() -> None:
    def wander(door: Door, _: Knocked) -> tuple[Door, list[Event]]:
        return Door(knocks=next(dice)), []

    with pytest.raises(AssertionError, match="pure"):
        given(processor("porter", wander), knocked)


def test_a_step_that_fails_fails_the_test() -> None:
    def stumble(door: Door, event: Knocked) -> tuple[Door, list[Event]]:
        return door, [Opened(at=event.at, door="?")] * 101

    with pytest.raises(TooMuch):
        given(processor("porter", stumble)).when(knocked)


def test_a_state_that_cannot_be_read_back_fails_the_test() -> None:
    class Narrow(State, frozen=True):
        knocks: int = 0

    def slip(narrow: Narrow, event: Knocked) -> tuple[Narrow, list[Event]]:
        return narrow.but(knocks="many"), []

    scene = given(processor("porter", slip))
    with pytest.raises(ValidationError):
        scene.when(knocked, knocked)


DOORS = Table("doors", MetaData(), Column("door", String, primary_key=True), Column("position", Integer))


def show(event: Knocked | Opened, envelope: Envelope) -> list[Put | Drop]:
    if isinstance(event, Opened):
        return [Drop({"door": event.door})]
    return [Put({"door": event.door, "position": envelope.position})]


def test_a_view_shows_the_last_of_each_row() -> None:
    doors = projection("doors", DOORS, show)
    assert shown(doors, knocked, elsewhere, knocked) == [{"door": "a", "position": 3}, {"door": "b", "position": 2}]
    assert shown(doors, knocked, elsewhere, opened, opened) == [{"door": "b", "position": 2}]
    assert shown(doors) == []
