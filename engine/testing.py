"""Tests that read as sentences: `given(part, past).when(event).then(outcomes)`. No file, no server, no clock.

Every event is wrapped, stored as text and read back, and every step is run twice, as the engines do.
"""

from collections.abc import Mapping
from typing import Any, Generic

from engine.processor import Kept, Processor, Projection, kept, rows, step
from engine.rows import fold
from schemas.event import Envelope, Event, fact


class Scene(Generic[Kept]):
    """A processor and what it has been told so far."""

    def __init__(self, processor: Processor[Kept]) -> None:
        self._processor = processor
        self._states: dict[str, str] = {}
        self._told = 0
        self._outcomes: list[Envelope] = []

    def when(self, *events: Event) -> "Scene[Kept]":
        """Tell it these events; what follows from them is looked at by `then`."""
        self._outcomes = []
        for event in events:
            self._told += 1
            cause = fact(event, key=str(self._told))._replace(position=self._told)
            stored = self._states.get(cause.subject)
            state, outcomes = step(self._processor, stored, cause)
            assert (state, outcomes) == step(self._processor, stored, cause), "a step must be pure"
            self._states[cause.subject] = state
            self._outcomes.extend(outcomes)
        return self

    def then(self, *expected: Event) -> "Scene[Kept]":
        """Exactly these follow, in this order."""
        wanted = [(event.type, event.subject, fact(event, key="").data) for event in expected]
        assert [(o.type, o.subject, o.data) for o in self._outcomes] == wanted
        return self

    def knows(self, subject: str) -> Kept:
        """What it keeps of this subject now."""
        return kept(self._processor.state, self._states.get(subject))


def given(processor: Processor[Kept], *past: Event) -> Scene[Kept]:
    """A processor that has lived through this past."""
    return Scene(processor).when(*past)


def shown(view: Projection, *events: Event) -> list[Mapping[str, Any]]:
    """The rows that a view shows after these events, in the order in which they first appeared."""
    table: dict[tuple[Any, ...], dict[str, Any]] = {}
    known: dict[str, str | None] = {}
    for nth, event in enumerate(events, start=1):
        cause = fact(event, key=str(nth))._replace(position=nth)
        told = rows(view, known.get(cause.subject), cause)
        assert told == rows(view, known.get(cause.subject), cause), "a view must be pure"
        known[cause.subject] = told[0] or known.get(cause.subject)
        for row in told[1]:
            fold(table, row, view.table)
    return list(table.values())
