"""A part that has nothing to do need not ask the file again after every commit of the others, which is very often."""

from datetime import datetime
from time import monotonic
from typing import Final, NamedTuple

from engine.store import Pull, Task

LOOK_S_MAX: Final = 0.5  # Then it asks all the same: another process may have asked for something in the file itself.


class Quiet(NamedTuple):
    """What a look found when there was nothing to do, and up to when that is so."""

    task: Task
    end: int  # Of the log, as far as this process wrote it.
    asked: int
    pull: Pull
    until: float

    def still(self, task: Task, end: int, asked: int, now: datetime) -> bool:
        """Whether another look would find the same."""
        due = self.pull.next_due
        same = (self.task, self.end, self.asked) == (task, end, asked)
        return same and monotonic() < self.until and (due is None or due > now)


def quiet(task: Task, end: int, asked: int, pull: Pull) -> Quiet | None:
    """`end` and `asked` as they were before the look. None where there was something to do."""
    if not task.active or pull.records or pull.upto != task.position or pull.due or pull.redrive:
        return None
    return Quiet(task, end, asked, pull, monotonic() + LOOK_S_MAX)
