"""Who is at which story now: shown to each other while a page is open, written down nowhere, gone with the connection.

Each node knows its own, and hears of its neighbours all that they know, now and then and whenever it changes. Of a node
that is not heard for a while nobody is here any more.
"""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

WRITING_S: Final = 20.0  # Who typed so long ago does not write any more.
NODE_S: Final = 15.0  # A neighbour that is not heard for so long is gone, and everybody with it.
SEEN_MAX: Final = 20  # Colleagues that one page names.
TOLD_CHARS_MAX: Final = 1_000_000
NODES_MAX: Final = 100


class Present(NamedTuple):
    """A colleague at a story."""

    agent_id: str
    writing: bool


Seats = Mapping[str, Mapping[str, bool]]  # By story: its agents, and whether they write.


class Presence:
    """`changed` is called whenever somebody may have come or gone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.node = secrets.token_hex(8)
        self.changed: list[Callable[[], None]] = []
        self._clock = clock
        self._open: Counter[tuple[str, str]] = Counter()  # Pages of ours, by story and agent.
        self._writing: dict[tuple[str, str], float] = {}
        self._there: dict[str, tuple[float, Seats]] = {}

    @contextmanager
    def at(self, subject: str, agent_id: str) -> Iterator[None]:
        """This agent has a page of this story open."""
        self._open[subject, agent_id] += 1
        self._ring()
        try:
            yield
        finally:
            self._open[subject, agent_id] -= 1
            if not self._open[subject, agent_id]:
                del self._open[subject, agent_id]
                self._writing.pop((subject, agent_id), None)
            self._ring()

    def writes(self, subject: str, agent_id: str) -> None:
        """They type. It is noted only of who is there, so that nobody writes on after they left."""
        if self._open[subject, agent_id]:
            self._writing[subject, agent_id] = self._clock() + WRITING_S
            self._ring()

    def wrote(self, subject: str, agent_id: str) -> None:
        """It is sent: they do not write any more."""
        if self._writing.pop((subject, agent_id), None):
            self._ring()

    def others(self, subjects: Collection[str], agent_id: str = "") -> Sequence[Present]:
        """Who else is at any of these stories, on whatever node; by name."""
        now, found = self._clock(), dict[str, bool]()
        nodes = [self._here(), *(seats for until, seats in self._there.values() if until > now)]
        for seats in nodes:
            for subject in subjects:
                for name, writing in seats.get(subject, {}).items():
                    found[name] = found.get(name, False) or writing
        found.pop(agent_id, None)
        return [Present(name, writing) for name, writing in sorted(found.items())][:SEEN_MAX]

    def told(self) -> str:
        """All that this node knows of its own, for its neighbours."""
        return json.dumps(self._here())

    def heard(self, node: str, told: str) -> None:
        """What a neighbour knows. What is not of the shape that we tell ourselves is let go."""
        seats = read(told)
        if node == self.node or seats is None:
            return
        now = self._clock()
        self._there = {name: known for name, known in self._there.items() if known[0] > now}
        if node in self._there or len(self._there) < NODES_MAX:
            before = self._there.get(node, (now, {}))[1]
            self._there[node] = (now + NODE_S, seats)
            if before != seats:
                self._ring()

    def _here(self) -> Seats:
        now, seats = self._clock(), dict[str, dict[str, bool]]()
        for subject, agent_id in self._open:
            seats.setdefault(subject, {})[agent_id] = self._writing.get((subject, agent_id), 0.0) > now
        return seats

    def _ring(self) -> None:
        for call in self.changed:
            call()


def read(told: str) -> Seats | None:
    try:
        seats = json.loads(told) if len(told) <= TOLD_CHARS_MAX else None
    except ValueError:
        return None
    if not isinstance(seats, dict) or not all(isinstance(agents, dict) for agents in seats.values()):
        return None
    return {subject: {name: bool(writing) for name, writing in agents.items()} for subject, agents in seats.items()}
