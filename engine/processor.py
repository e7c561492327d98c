"""The heart: a pure step from (state, event) to (state, events), and a pure view from an event to rows.

Engines differ in where bytes rest. What a step means is decided here, once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, get_args, get_type_hints

from msgspec import Struct
from msgspec.json import Encoder, decode
from msgspec.structs import replace
from sqlalchemy import Table

from schemas.event import Envelope, Event, effect

# Two processors that answer each other stop here, with a name, not with a full disk. The longest honest chain is a
# message that one road after the other does not take: six outcomes each, and before and after them ten or so.
DEPTH_MAX: Final = 64
OUTCOMES_MAX: Final = 100  # Of one step.
STATE_CHARS_MAX: Final = 1_000_000  # Of one subject.
OPENED_MAX: Final = 2_048  # Events that are kept as they were read: many parts read the same one shortly after another.
OPENED_CHARS_MAX: Final = 8_192


class State(Struct, frozen=True, omit_defaults=True):
    """What a part keeps of a subject: it never changes, and rests as JSON. A field more needs a default."""

    def but(self, **said: Any) -> Self:  # noqa: ANN401  # Its fields, each of its own type.
        """The same, with this said of it."""
        return replace(self, **said)


Kept = TypeVar("Kept", bound=State)
Reads = Mapping[str, type[Event]]
encoder: Final = Encoder()


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
class Add:
    """Of the row with this primary key, these columns grow by so much. All columns but the key are integers from 0 on.

    Many subjects may add to one row. A rebuild adds to a row of its own, from the beginning. The rows with the keys of
    `also` grow by as much.
    """

    key: Mapping[str, Any]
    amounts: Mapping[str, int]
    also: Sequence[Mapping[str, Any]] = ()


Change = Put | Drop | Add


@dataclass(frozen=True, slots=True)
class Processor(Generic[Kept]):
    """A step function, the events it reads, and the state it keeps per subject.

    The name is for ever: positions and states are filed under it. A change of meaning is a new version.
    """

    kind: ClassVar[str] = "processor"

    name: str
    version: int
    reads: Reads
    state: type[Kept]
    handle: Callable[[Kept, Any], tuple[Kept, Sequence[Event]]]


@dataclass(frozen=True, slots=True)
class Projection:
    """A view function: what each event means for the rows of one table. It tells nobody.

    It puts rows, drops them, or adds to them. Most keep nothing. One that remembers (made by `register`) has a state
    per subject, as a processor has, and so can write a row that says how a subject stands now.
    """

    kind: ClassVar[str] = "projection"

    name: str
    version: int
    reads: Reads
    table: Table
    handle: Callable[..., Any]
    state: type[State] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` where two indexes have one name: one of them would never be made."""
        names = [str(index.name) for index in self.table.indexes]
        if len({*names}) < len(names):
            raise ValueError(f"two indexes of {self.table.name} have the same name: give one of them another")


@dataclass(frozen=True, slots=True)
class Courier:
    """What `Engine.follow` reads under this name: events lent to somebody who acts on the world."""

    kind: ClassVar[str] = "courier"

    name: str
    version: int
    reads: Reads


Part = Processor[Any] | Projection | Courier


def processor(
    name: str, handle: Callable[[Kept, Any], tuple[Kept, Sequence[Event]]], version: int = 1
) -> Processor[Kept]:
    """Make a processor of a function. Its signature says what it keeps and what it reads."""
    state, event, _ = get_type_hints(handle).values()
    return Processor(name, version, reading(get_args(event) or (event,)), state, handle)


def projection(
    name: str, table: Table, handle: Callable[[Any, Envelope], Sequence[Change]], version: int = 1
) -> Projection:
    """Make a projection of a function. Its signature says what it reads; `table` describes it for every engine."""
    event, *_ = get_type_hints(handle).values()
    return Projection(name, version, reading(get_args(event) or (event,)), table, handle)


def register(
    name: str,
    table: Table,
    handle: Callable[[Kept, Any, Envelope], tuple[Kept, Sequence[Change]]],
    version: int = 1,
) -> Projection:
    """Make a projection that remembers. In go what it knew of the subject and what happened; out come that and rows."""
    state, event, *_ = get_type_hints(handle).values()
    return Projection(name, version, reading(get_args(event) or (event,)), table, handle, state)


def courier(name: str, *types: type[Event]) -> Courier:
    return Courier(name, 1, reading(types))


def reading(types: Sequence[type[Event]]) -> Reads:
    return {event.type: event for event in types}


def step(
    processor: Processor[Any], stored: str | None, cause: Envelope, *, anew: bool = False
) -> tuple[str, list[Envelope]]:
    """Advance one subject by one event. Text in, text out: every engine pays for the round trip.

    `anew`, where nobody else reads the event at about this time. Raises whatever the step raises, and `TooMuch`: the
    caller parks the subject.
    """
    before = kept(processor.state, stored)
    after, events = processor.handle(before, opened(processor, cause, anew=anew))
    state = stored if stored and after is before else written(after)
    if len(events) > OUTCOMES_MAX or len(state) > STATE_CHARS_MAX:
        raise TooMuch(f"more than {OUTCOMES_MAX} outcomes, or a state over {STATE_CHARS_MAX} characters")
    if events and cause.depth >= DEPTH_MAX:
        raise TooMuch(f"a chain of more than {DEPTH_MAX} outcomes")
    return state, [effect(e, cause=cause, by=processor.name, nth=n) for n, e in enumerate(events)]


def rows(
    view: Projection, stored: str | None, cause: Envelope, *, anew: bool = False
) -> tuple[str | None, Sequence[Change]]:
    """What one event means for the view's table, and for what it remembers of the subject, if it remembers.

    Raises whatever the function raises, and `TooMuch`.
    """
    event = opened(view, cause, anew=anew)
    if view.state is None:
        return None, view.handle(event, cause)
    before = kept(view.state, stored)
    after, shown = view.handle(before, event, cause)
    if after is before:
        return None, shown
    state = written(after)
    if len(state) > STATE_CHARS_MAX:
        raise TooMuch(f"a state over {STATE_CHARS_MAX} characters")
    return state, shown


def kept(kind: type[Kept], stored: str | None) -> Kept:
    """The state as it was stored; as it begins, where nothing was."""
    return decode(stored, type=kind) if stored else kind()


def written(state: State) -> str:
    return encoder.encode(state).decode()


def keeps(part: Part) -> bool:
    """Whether it has a state per subject."""
    return isinstance(part, Processor) or (isinstance(part, Projection) and part.state is not None)


def opened(part: Part, envelope: Envelope, *, anew: bool = False) -> Any:  # noqa: ANN401  # Its author knows which.
    """The event inside, as the part that reads it knows it. It is frozen, so that all parts may share it."""
    read = read_anew if anew or len(envelope.data) > OPENED_CHARS_MAX else read_once
    return read(part.reads[envelope.type], envelope.data)


def read_anew(kind: type[Event], data: str) -> Event:
    return kind.model_validate_json(data)


read_once = lru_cache(OPENED_MAX)(read_anew)
