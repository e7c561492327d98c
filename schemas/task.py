"""Task: internal follow-up with an owner and a time, such as a call-back."""

from typing import Annotated, ClassVar, Literal

from schemas.event import NONE, About, Event, Id, NoId, NoLine, Text, When, Word, Yes

OwnerKind = Annotated[Literal["person", "group", "department"], NONE]


class Task(Event):
    """What the facts about a task share."""

    task_id: Id

    @property
    def subject(self) -> str:
        return f"task/{self.task_id}"


class TaskOpened(Task):
    """This owner is to do it by `due`. `about` is the subject it follows from."""

    type: ClassVar[str] = "task.opened"

    kind: Word
    owner_kind: OwnerKind
    owner: Id
    due: When
    about: About = ""
    contact_id: NoId = ""
    title: NoLine = ""
    text: Text = ""
    address: NoLine = ""  # Whom to call back,
    address_id: NoId = ""  # and under which pseudonym that is known.
    agent_id: NoId = ""


class TaskAssigned(Task):
    """It has another owner now; `text` says why."""

    type: ClassVar[str] = "task.assigned"

    owner_kind: OwnerKind
    owner: Id
    agent_id: NoId = ""
    text: Text = ""


class TaskTried(Task):
    """Somebody tried, such as by calling back; `reached` says whether anybody was there."""

    type: ClassVar[str] = "task.tried"

    reached: Yes
    agent_id: NoId = ""
    text: Text = ""


class TaskDueSet(Task):
    """It is to be done by another moment now."""

    type: ClassVar[str] = "task.due-set"

    due: When
    agent_id: NoId = ""


class TaskDone(Task):
    """It is done; `result` says what came of it."""

    type: ClassVar[str] = "task.done"

    agent_id: NoId = ""
    result: Word = "done"
    text: Text = ""


class TaskReopened(Task):
    """It was not done after all."""

    type: ClassVar[str] = "task.reopened"

    agent_id: NoId = ""
    text: Text = ""


class TaskOverdue(Task):
    """It was to be done by `due`, and is not."""

    type: ClassVar[str] = "task.overdue"

    due: When
