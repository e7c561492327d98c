"""Where bytes rest: all that differs between engines.

A store keeps one log, and for every task what it knows: position, states, rows, timers, what is parked and what is
lent. It makes two promises: what `append` returns from is durable, and `push` is all or nothing, and refused with
`Conflict` to whoever no longer holds the task. The rest of the engine is built on these two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Select, Table

from engine.processor import Drop, Part, Projection, Put
from schemas.event import Envelope

NO_REBUILD: Final = "no processor or projection of that name has run here: see `draad doctor` for those that have"


class Task(NamedTuple):
    """One part at work: a processor, projection or courier in one version, with its own place in the log.

    `token` fences: it changes with every holder, and a push with an old one is refused.
    """

    number: int
    name: str
    version: int
    position: int
    active: bool  # False: being rebuilt beside the active one, whose outcomes are the ones that count.
    token: int


class Lease(NamedTuple):
    """Who holds a task, and until when nobody else may take it."""

    holder: str
    now: datetime
    until: datetime


class Timer(NamedTuple):
    """A durable wish to be woken. `cause` is the id of the `TimerSet` that asked."""

    subject: str
    name: str
    due: str  # RFC 3339, UTC, microseconds: it sorts as text.
    cause: str


class Parked(NamedTuple):
    """An event set aside: its subject waits behind it. `reason` quotes no value."""

    position: int
    subject: str
    reason: str
    told: bool = False  # Its outcomes are on the log: the task that this one replaces stepped it well.


class Pull(NamedTuple):
    """One consistent look at what a task can do next."""

    records: Sequence[Envelope]
    upto: int  # The task's position when these are done.
    states: dict[str, str]
    timers: dict[tuple[str, str], str]  # When each timer stands due, of the subjects where one elapsed.
    parked: set[str]  # Subjects, among these records, that wait.
    held: dict[int, Parked]  # For a rebuild: what the active task has parked, among these records, by position.
    due: Sequence[Timer]  # Only when caught up: whatever cancels a timer is read before it fires.
    redrive: Sequence[Envelope]  # Parked events of one subject that somebody asked to try again, in order.
    told: set[int]  # Positions, among these, whose outcomes are on the log already.
    next_due: datetime | None
    tasks: int  # How many tasks this part has now: one more means that somebody asked for a rebuild.


@dataclass(slots=True)
class Changes:
    """What a batch changes, all of it or none: the whole effect of being run."""

    position: int
    outcomes: list[Envelope] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    rows: list[Put | Drop] = field(default_factory=list)
    timers: dict[tuple[str, str], Timer | None] = field(default_factory=dict)  # None: it stands no more.
    fired: list[Timer] = field(default_factory=list)  # Their elapsing is among the outcomes.
    unparked: list[int] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    redriven: str = ""  # The subject of which no more is to be tried again: some of it failed.
    begun: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)


class Standing(NamedTuple):
    """How a task stands, for metrics, `draad doctor` and progress bars."""

    task: Task
    behind: int  # Events on the log after its position.
    parked: int
    timers_due: int
    lent: int


class Aside(NamedTuple):
    """What `draad parked` shows: one subject that waits, and why."""

    name: str
    subject: str
    reason: str
    position: int
    waiting: int


class Store(Protocol):
    """Every method raises `Unavailable` where the world failed: then nobody knows whether it happened."""

    unkind: bool  # Run every batch twice and compare: only tests can afford it.

    async def append(self, facts: Sequence[Envelope]) -> None:
        """Write them down, each id once, all of them durable when this returns."""

    async def claim(self, part: Part, lease: Lease) -> list[Task]:
        """Hold this part's tasks: the active one first, then the one being rebuilt, if there is one.

        A version never seen gets a new task: active if it is the first, else to be rebuilt beside the old.
        A rebuild of another version, which nobody can finish any more, is forgotten.
        Raises `Conflict` while another holder's lease lasts.
        """

    async def lease(self, tasks: Sequence[Task], lease: Lease) -> None:
        """Hold on to these tasks for longer, or let go of them. Raises `Conflict` where another holds one."""

    async def pull(self, part: Part, task: Task, *, limit: int, now: datetime) -> Pull:
        """Look what there is to do. Changes nothing."""

    async def push(self, part: Part, task: Task, changes: Changes) -> Task:
        """Write all of it in one transaction, if the task stands where it stood. Raises `Conflict` otherwise.

        Raises `Refused` where the database will not have a value: one of these events is poison.
        """

    async def lent(self, task: Task) -> Sequence[Envelope]:
        """What a courier had begun and never finished, in order."""

    async def rebuild(self, name: str) -> None:
        """Ask for a new task beside the active one, of the same version, from the start of the log.

        Raises `Refused` for a name that has not run here, and for a courier's.
        """

    async def switch(self, old: Task, new: Task) -> Task:
        """Make the rebuilt task the active one and forget the old. Raises `Conflict` unless both stand still."""

    async def redrive(self, name: str, subject: str | None) -> int:
        """Ask that parked subjects (all, or one) be tried again; returns how many."""

    async def asides(self) -> Sequence[Aside]:
        """What is parked, per subject."""

    async def standings(self, now: datetime) -> Sequence[Standing]:
        """How every task stands."""

    async def state(self, name: str, subject: str) -> str | None:
        """What the active task of this processor knows of this subject."""

    async def table(self, view: Projection) -> Table:
        """The active read model's own table, to select from."""

    async def fetch(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        """Rows of a read model, from a reader that holds up no writer.

        Raises `Unavailable` where the view was rebuilt since its table was asked for.
        """

    async def read(self, after: int, limit: int) -> Sequence[Envelope]:
        """The log itself, in order."""

    def mark(self) -> int:
        """A number that grows with whatever is written here."""

    async def moved(self, mark: int, wait_s: float) -> None:
        """Sleep until something was written since `mark`, at most this long."""

    async def close(self) -> None:
        """Finish what is being written, and let go."""
