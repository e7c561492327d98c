"""A task is done in time, or everybody sees that it is not."""

from datetime import timedelta

from engine.testing import given, shown
from schemas.task import TaskAssigned, TaskDone, TaskDueSet, TaskOpened, TaskOverdue, TaskReopened, TaskTried
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from services.desk.tasks import tasks
from services.status.tasks import NAME, late_tasks
from tests.services.places import MONDAY

NOON = MONDAY + timedelta(hours=3)
LATER = NOON + timedelta(days=1)

opened = TaskOpened(
    at=MONDAY, task_id="t1", kind="call-back", owner_kind="department", owner="burgerzaken", due=NOON, text="123456782"
)
done = TaskDone(at=MONDAY, task_id="t1", result="reached")
moved = TaskDueSet(at=MONDAY, task_id="t1", due=LATER)
again = TaskReopened(at=LATER, task_id="t1")
noon = TimerElapsed(at=NOON, about="task/t1", name=NAME, due=NOON)
until_noon = TimerSet(at=MONDAY, about="task/t1", name=NAME, due=NOON)


def test_a_task_that_is_not_done_by_its_hour_is_overdue() -> None:
    given(late_tasks).when(opened).then(until_noon)
    given(late_tasks, opened).when(noon).then(TaskOverdue(at=NOON, task_id="t1", due=NOON))


def test_a_task_that_is_done_in_time_is_never_overdue() -> None:
    given(late_tasks, opened).when(done).then(TimerCleared(at=MONDAY, about="task/t1", name=NAME))
    given(late_tasks, opened, done).when(noon, done, moved).then()


def test_a_task_that_is_moved_has_until_then() -> None:
    given(late_tasks, opened).when(moved).then(until_noon.model_copy(update={"due": LATER}))


def test_a_task_that_is_reopened_after_its_hour_is_late_at_once() -> None:
    given(late_tasks, opened, done).when(again).then(until_noon.model_copy(update={"at": LATER}))
    given(late_tasks, opened).when(again).then()


def test_a_task_that_is_told_twice_or_was_done_before_it_was_told_waits_for_nobody() -> None:
    given(late_tasks, opened).when(opened).then()
    given(late_tasks, done).when(opened).then()


def test_its_row_says_whose_it_is_how_often_it_was_tried_and_what_came_of_it() -> None:
    passed_on = TaskAssigned(at=MONDAY, task_id="t1", owner_kind="person", owner="g7")
    tried = TaskTried(at=MONDAY, task_id="t1", reached=False)
    late = TaskOverdue(at=NOON, task_id="t1", due=NOON)
    [row] = shown(tasks, opened, passed_on, tried, tried, late)
    assert (row["owner_kind"], row["owner"], row["tries"], row["state"]) == ("person", "g7", 2, "overdue")
    assert row["text"] == "[nummer afgeschermd]"
    [row] = shown(tasks, opened, late, moved)
    assert (row["state"], row["due"]) == ("open", "2026-03-03T12:00:00.000000Z")
    [row] = shown(tasks, opened, done, late)
    assert (row["state"], row["result"]) == ("done", "reached")
    [row] = shown(tasks, opened, done, again)
    assert (row["state"], row["result"]) == ("open", "")
