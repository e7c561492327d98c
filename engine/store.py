"""Where bytes rest: all that differs between engines.

A store keeps one log, and for every task what it knows: position, states, rows, timers, what is parked and what is
lent. It makes two promises: what `append` returns from is durable, and `push` is all or nothing, and refused with
`Conflict` to whoever no longer holds the task. The rest of the engine is built on these two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Select, Table

from engine.processor import Change, Part, Projection
from schemas.event import Envelope

COMPILED_MAX: Final = 256  # Queries whose text is kept, for when they are asked again.
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
    partition: str = ""  # Of the log; one machine has only one.


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
    rows: list[Change] = field(default_factory=list)
    timers: dict[tuple[str, str], Timer | None] = field(default_factory=dict)  # None: it stands no more.
    fired: list[Timer] = field(default_factory=list)  # Their elapsing is among the outcomes.
    unparked: list[int] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    redriven: str = ""  # The subject of which no more is to be tried again: some of it failed.
    begun: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    @property
    def lasts(self) -> bool:
        """Whether the world may act on it, so that it is durable before it is seen. All else follows from the log."""
        return bool(self.outcomes or self.begun or self.done)

    @property
    def size(self) -> int:
        """About how many rows they are to a database."""
        return 1 + len(self.outcomes) + len(self.states) + len(self.rows) + len(self.timers) + len(self.parked)


class Active(NamedTuple):
    """A task whose outcomes count, and how many events it has set aside."""

    task: Task
    parked: int


class Standing(NamedTuple):
    """How a task stands, for metrics, `draad doctor` and progress bars."""

    task: Task
    behind: int  # Events on the log after its position.
    parked: int
    timers_due: int
    lent: int


class Answer(NamedTuple):
    """What a query found: rows, each with its values in the order of these names."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def mappings(self) -> Sequence[Mapping[str, Any]]:
        return [*map(dict, map(zip, repeat(self.names), self.rows))]  # In C: half the time.


class Aside(NamedTuple):
    """What `draad parked` shows: one subject that waits, and why."""

    name: str
    subject: str
    reason: str
    position: int
    waiting: int


class Store(Protocol):
    """Every method raises `Unavailable` where the world failed: then nobody knows whether it happened."""

    shared: bool  # By other processes that work on it too.
    unkind: bool  # Run every batch twice and compare: only tests can afford it.

    async def append(self, facts: Sequence[Envelope]) -> None:
        """Write them down, each id once, all of them durable when this returns."""

    async def partitions(self, parts: Sequence[Part]) -> Sequence[str]:
        """The partitions of the log that these versions of one part read; all of them, if none is named.

        Whoever asks is taken to run the part, and gets its share of the work there.
        """

    def is_ours(self, part: str, partition: str) -> bool:
        """Whether this process is the one to work there now; else others are."""

    async def claim(self, part: Part, partition: str, lease: Lease) -> list[Task]:
        """Hold this part's tasks on a partition: the active one first, then the one being rebuilt, if there is one.

        A version never seen gets a new task: active if it is the first, else to be rebuilt beside the old.
        A rebuild of another version, which nobody can finish any more, is forgotten.
        Raises `Conflict` while another holder's lease lasts; none are held while another process has them.
        """

    async def lease(self, tasks: Sequence[Task], lease: Lease) -> None:
        """Hold on to these tasks for longer, or let go of them. Raises `Conflict` where another holds one."""

    async def leave(self, part: str, partition: str) -> None:
        """Hold nothing here that is not ours to hold, neither what a failure has left held in our name."""

    async def pull(self, part: Part, task: Task, *, limit: int, now: datetime) -> Pull:
        """Look what there is to do. Changes nothing."""

    def clear(self, part: Part, task: Task) -> int:
        """The position up to which there is surely nothing that this task reads, told without a look; 0 if unknown."""

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

    async def switch(self, old: Task, new: Task) -> Task | None:
        """Make the rebuilt task the active one, forget the old, and return it: on all partitions at once.

        Where others are not so far yet: `old`, if it is to wait for them; None, if it is to go on. Raises `Conflict`
        unless both stand still.
        """

    async def redrive(self, name: str, subject: str | None) -> int:
        """Ask that parked subjects (all, or one) be tried again; returns how many."""

    async def asides(self) -> Sequence[Aside]:
        """What is parked, per subject."""

    async def standings(self, now: datetime) -> Sequence[Standing]:
        """How every task stands."""

    async def active(self, names: str = "") -> Sequence[Active]:
        """Every active task of the parts whose names begin so. It is asked at each look, and costs little."""

    async def state(self, name: str, subject: str) -> str | None:
        """What the active task of this processor knows of this subject."""

    async def table(self, view: Projection) -> Table:
        """The active read model's own table, to select from."""

    async def fetch(self, query: Select[Any], values: Mapping[str, Any]) -> Answer:
        """Rows of a read model, from a reader that holds up no writer. `values` are for the query's own parameters.

        Raises `Unavailable` where the view was rebuilt since its table was asked for.
        """

    async def read(self, after: int, limit: int, partition: str) -> Sequence[Envelope]:
        """One partition of the log itself, in order."""

    async def carried(self) -> None:
        """Wait until what was appended here is on the log itself, unless that is away."""

    async def ends(self) -> Mapping[str, int]:
        """The position of the last event on each partition; 0 where there is none."""

    def now(self) -> datetime:
        """The time, by the clock that all machines share: timers are due by it, and facts are stamped with it."""

    @property
    def skew_s(self) -> float:
        """How far the clock that all machines share is ahead of this one's."""

    @property
    def waiting(self) -> int | None:
        """Facts that are acknowledged and durable, but not on the log yet, which is away; None if it is there."""

    def mark(self, partition: str = "") -> int:
        """A number that grows with whatever is new on this partition; without a name, anywhere."""

    async def moved(self, mark: int, wait_s: float, partition: str = "") -> None:
        """Sleep until there is something new since `mark`, at most this long."""

    async def close(self) -> None:
        """Finish what is being written, and let go."""
