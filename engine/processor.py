"""The heart: a pure step from (state, event) to (state, events), and a pure view from an event to rows.

Engines differ in where bytes rest. What a step means is decided here, once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar, get_args, get_type_hints

from pydantic import BaseModel
from sqlalchemy import Table

from schemas.event import Envelope, Event, effect

DEPTH_MAX: Final = 16  # Two processors that answer each other stop here, with a name, not with a full disk.
OUTCOMES_MAX: Final = 100  # Of one step.
STATE_CHARS_MAX: Final = 1_000_000  # Of one subject.

State = TypeVar("State", bound=BaseModel)
Reads = Mapping[str, type[Event]]


class TooMuch(ValueError):
    """A step went past one of the limits above: its cause is parked."""


@dataclass(frozen=True, slots=True)
class Put:
    """A row of a read model, as it stands from now on."""

    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """A row of a read model, by its primary key, to be no more."""

    key: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Processor(Generic[State]):
    """A step function, the events it reads, and the state it keeps per subject.

    The name is for ever: positions and states are filed under it. A change of meaning is a new version.
    """

    kind: ClassVar[str] = "processor"

    name: str
    version: int
    reads: Reads
    state: type[State]
    handle: Callable[[State, Any], tuple[State, Sequence[Event]]]


@dataclass(frozen=True, slots=True)
class Projection:
    """A view function: what each event means for the rows of one table. It keeps no state and tells nobody."""

    kind: ClassVar[str] = "projection"

    name: str
    version: int
    reads: Reads
    table: Table
    handle: Callable[[Any, Envelope], Sequence[Put | Drop]]


@dataclass(frozen=True, slots=True)
class Courier:
    """What `Engine.follow` reads under this name: events lent to somebody who acts on the world."""

    kind: ClassVar[str] = "courier"

    name: str
    version: int
    reads: Reads


Part = Processor[Any] | Projection | Courier


def processor(
    name: str, handle: Callable[[State, Any], tuple[State, Sequence[Event]]], version: int = 1
) -> Processor[State]:
    """Make a processor of a function. Its signature says what it keeps and what it reads."""
    state, event, _ = get_type_hints(handle).values()
    return Processor(name, version, reading(get_args(event) or (event,)), state, handle)


def projection(
    name: str, table: Table, handle: Callable[[Any, Envelope], Sequence[Put | Drop]], version: int = 1
) -> Projection:
    """Make a projection of a function. Its signature says what it reads; `table` describes it for every engine."""
    event, *_ = get_type_hints(handle).values()
    return Projection(name, version, reading(get_args(event) or (event,)), table, handle)


def courier(name: str, *types: type[Event]) -> Courier:
    return Courier(name, 1, reading(types))


def reading(types: Sequence[type[Event]]) -> Reads:
    return {event.type: event for event in types}


def step(processor: Processor[Any], stored: str | None, cause: Envelope) -> tuple[str, list[Envelope]]:
    """Advance one subject by one event. Text in, text out: every engine pays for the round trip.

    Raises whatever the step raises, and `TooMuch`: the caller parks the subject.
    """
    before = processor.state.model_validate_json(stored) if stored else processor.state()
    after, events = processor.handle(before, opened(processor, cause))
    state = after.model_dump_json()
    if len(events) > OUTCOMES_MAX or len(state) > STATE_CHARS_MAX:
        raise TooMuch(f"more than {OUTCOMES_MAX} outcomes, or a state over {STATE_CHARS_MAX} characters")
    if events and cause.depth >= DEPTH_MAX:
        raise TooMuch(f"a chain of more than {DEPTH_MAX} outcomes")
    return state, [effect(e, cause=cause, by=processor.name, nth=n) for n, e in enumerate(events)]


def rows(view: Projection, cause: Envelope) -> Sequence[Put | Drop]:
    """What one event means for the view's table."""
    return view.handle(opened(view, cause), cause)


def opened(part: Part, envelope: Envelope) -> Any:  # noqa: ANN401  # One of part.reads, which only its author knows.
    """The event inside, as the part that reads it knows it."""
    return part.reads[envelope.type].model_validate_json(envelope.data)
