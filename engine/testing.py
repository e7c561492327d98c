"""Tests that read as sentences: `given(part, past).when(event).then(outcomes)`. No file, no server, no clock.

Every event is wrapped, stored as text and read back, and every step is run twice, as the engines do.
"""

from collections.abc import Mapping
from typing import Any, Generic

from engine.processor import Processor, Projection, Put, State, rows, step
from schemas.event import Envelope, Event, fact


class Scene(Generic[State]):
    """A processor and what it has been told so far."""

    def __init__(self, processor: Processor[State]) -> None:
        self._processor = processor
        self._states: dict[str, str] = {}
        self._told = 0
        self._outcomes: list[Envelope] = []

    def when(self, *events: Event) -> "Scene[State]":
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

    def then(self, *expected: Event) -> "Scene[State]":
        """Exactly these follow, in this order."""
        wanted = [(event.type, event.subject, event.model_dump_json()) for event in expected]
        assert [(o.type, o.subject, o.data) for o in self._outcomes] == wanted
        return self

    def knows(self, subject: str) -> State:
        """What it keeps of this subject now."""
        stored = self._states.get(subject)
        return self._processor.state.model_validate_json(stored) if stored else self._processor.state()


def given(processor: Processor[State], *past: Event) -> Scene[State]:
    """A processor that has lived through this past."""
    return Scene(processor).when(*past)


def shown(view: Projection, *events: Event) -> list[Mapping[str, Any]]:
    """The rows that a view shows after these events, in the order in which they first appeared."""
    key = [column.name for column in view.table.primary_key.columns]
    table: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for nth, event in enumerate(events, start=1):
        for row in rows(view, fact(event, key=str(nth))._replace(position=nth)):
            values = row.row if isinstance(row, Put) else row.key
            name = tuple(values[column] for column in key)
            if isinstance(row, Put):
                table[name] = row.row
            else:
                table.pop(name, None)
    return list(table.values())
