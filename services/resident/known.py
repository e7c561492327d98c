"""What the pages stand on, and what is looked up for them elsewhere."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final, NamedTuple, Protocol

from channels.link import Links
from engine.engine import Engine

Row = Mapping[str, Any]

DESK: Final = "desk."  # As which the views are named that the pages read.


class Visit(Protocol):
    """How an appointment stands now."""

    @property
    def appointment_id(self) -> str: ...
    @property
    def branch(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def state(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def address_id(self) -> str: ...
    @property
    def minutes(self) -> int: ...
    @property
    def confirmed(self) -> bool: ...
    @property
    def facts(self) -> tuple[str, ...]: ...


class Theirs(Protocol):
    """What is surely a party's: rows of their story, the oldest first, and where they are reached."""

    @property
    def parties(self) -> Sequence[str]: ...
    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def contacts(self) -> Sequence[Row]: ...
    @property
    def visits(self) -> Sequence[Visit]: ...
    @property
    def reached(self) -> Row | None: ...


class Said(Protocol):
    """A status in words."""

    @property
    def title(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def next(self) -> str: ...


class Status(Protocol):
    """What a status of a kind of case means to a resident."""

    @property
    def inform(self) -> bool: ...
    def said(self, language: str) -> Said: ...


class Place(Protocol):
    """Where they come."""

    @property
    def title(self) -> str: ...
    @property
    def here(self) -> tzinfo: ...
    @property
    def grace_minutes(self) -> int: ...


class Municipality(NamedTuple):
    """What it says of itself, and of its statuses: by kind of case, and status."""

    organisation: str
    phone: str
    statuses: Mapping[str, Mapping[str, Status]]
    places: Mapping[str, Place]
    sender: str  # The mail address that appointments come from.


class Register(NamedTuple):
    """Where it is looked up how things stand."""

    visit: Callable[[str], Awaitable[Visit | None]]
    theirs: Callable[[str], Awaitable[Theirs]]


class House(NamedTuple):
    """What every page stands on."""

    engine: Engine
    links: Links
    clock: Callable[[], datetime]
    pepper: bytes
    municipality: Municipality
    register: Register
