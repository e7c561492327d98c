"""How a part passes what is not for it: told from memory, without a look, and written down together with the others."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress

from engine.statements import head_of, move
from engine.store import Task
from engine.writer import Writer
from schemas.errors import Conflict
from schemas.event import Envelope


class Tail:
    """Where the log ends, and where the last event of each type stands on it: of what came since it was opened."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._since = self._end = head_of(db)
        self._last: dict[str, int] = {}

    def kept(self, db: sqlite3.Connection) -> None:
        """What was about to be written is there, or never will be."""
        self._end = head_of(db)

    def clear(self, types: Iterable[str], after: int) -> int:
        """The position up to which there is none of these types after this one; 0 if there may be."""
        end = self._end  # Asked first: of all that is there, the types were noted before.
        if after < self._since or any(self._last.get(kind, 0) > after for kind in types):
            return 0
        return end

    def note(self, facts: Sequence[Envelope], head: int) -> None:
        """These are about to be written after this position. Where they are not, somebody looks in vain."""
        for position, fact in enumerate(facts, start=head + 1):
            self._last[fact.type] = position


class Steps:
    """Tasks that go on because there was nothing for them. All that do so in the same moment share a write.

    Nobody waits for it: what is asked of the writer next is done after it, and who crashes before passes there again.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting: list[tuple[Task, int]] = []

    def on(self, task: Task, position: int) -> Task:
        self._waiting.append((task, position))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self.write)
        return task._replace(position=position)

    def write(self) -> None:
        """Ask the writer now for what has not been asked of it."""
        steps, self._waiting = self._waiting, []
        if not steps:
            return

        def write(db: sqlite3.Connection) -> None:
            for task, position in steps:
                with suppress(Conflict):  # Who has lost it is told when it writes.
                    move(db, task, position)

        self._writer.put(write)
