"""A task that is not done by its hour becomes overdue, once for each hour it was given."""

from datetime import datetime
from typing import Final

from engine.processor import State, processor
from schemas.event import Event
from schemas.task import TaskDone, TaskDueSet, TaskOpened, TaskOverdue, TaskReopened
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

NAME: Final = "status.tasks"


class Job(State, frozen=True):
    """When it is due, and whether it is done."""

    due: datetime | None = None
    done: bool = False


def watch(job: Job, event: TaskOpened | TaskDueSet | TaskDone | TaskReopened | TimerElapsed) -> tuple[Job, list[Event]]:
    match event:
        case TaskOpened() if job.due:
            return job, []  # Told once more.
        case TaskOpened(due=due) | TaskDueSet(due=due):
            after = job.but(due=due)
            return after, [] if job.done else [TimerSet(at=event.at, about=event.subject, name=NAME, due=due)]
        case TaskDone():
            cleared = TimerCleared(at=event.at, about=event.subject, name=NAME)
            return job.but(done=True), [cleared] if job.due and not job.done else []
        case TaskReopened():
            after = job.but(done=False)
            again = [TimerSet(at=event.at, about=event.subject, name=NAME, due=job.due)] if job.due else []
            return after, [*again] if job.done else []
        case TimerElapsed(due=due) if not job.done:
            return job, [TaskOverdue(at=event.at, task_id=event.about.removeprefix("task/"), due=due)]
        case TimerElapsed():
            return job, []  # Done in the same moment.


late_tasks = processor(NAME, watch)
