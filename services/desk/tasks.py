"""How each task stands now: whose it is, by when, how often it was tried, and what came of it."""

from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Column, Index, Integer, MetaData, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas import task as t
from schemas.event import Envelope
from services.desk.mask import masked

table: Final = Table(
    "task",
    MetaData(),
    Column("task_id", Text, primary_key=True),
    Column("state", Text, nullable=False),  # open, overdue or done.
    Column("kind", Text, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("address_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("agent_id", Text, nullable=False),  # Who opened it.
    Column("tries", Integer, nullable=False),
    Column("result", Text, nullable=False),
    Index(None, "state", "due"),
    Index(None, "owner", "state"),
    Index(None, "about"),
)


class Job(State, frozen=True):
    """One task, as its row has it."""

    state: str = "open"
    kind: str = "unknown"
    owner_kind: str = "group"
    owner: str = ""
    due: str = ""
    opened_at: str = ""
    changed_at: str = ""
    about: str = ""
    contact_id: str = ""
    address_id: str = ""
    address: str = ""
    title: str = ""
    text: str = ""
    agent_id: str = ""
    tries: int = 0
    result: str = ""


Told = t.TaskOpened | t.TaskAssigned | t.TaskTried | t.TaskDueSet | t.TaskDone | t.TaskReopened | t.TaskOverdue
SAID: Final = ("kind", "owner_kind", "owner", "about", "contact_id", "address_id", "address", "agent_id")


def stand(job: Job, event: Told, _cause: Envelope) -> tuple[Job, list[Put]]:
    after = changed(job, event).but(changed_at=max(job.changed_at, stamp(event.at)))
    return after, [Put({"task_id": event.task_id, **asdict(after)})]


def changed(job: Job, event: Told) -> Job:
    match event:
        case t.TaskOpened():
            said = {name: getattr(event, name) for name in SAID}
            said |= {"due": stamp(event.due), "opened_at": stamp(event.at)}
            said |= {"title": masked(event.title), "text": masked(event.text)}
        case t.TaskAssigned():
            said = {"owner_kind": event.owner_kind, "owner": event.owner}
        case t.TaskTried():
            said = {"tries": job.tries + 1}
        case t.TaskDueSet():
            said = {"due": stamp(event.due), "state": "done" if job.state == "done" else "open"}
        case t.TaskDone():
            said = {"state": "done", "result": event.result}
        case t.TaskReopened():
            said = {"state": "open", "result": ""}
        case t.TaskOverdue():
            said = {"state": "done" if job.state == "done" else "overdue"}
    return job.but(**said)


tasks: Final = register("desk.tasks", table, stand)
