"""Call-backs and other tasks: who does them, by when, tried, done, and open again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import or_, select
from starlette.responses import HTMLResponse, Response

from engine.ask import Row
from engine.engine import Engine
from schemas import contact as c
from schemas import task as t
from schemas.event import Event
from services.desk.deeds import OWNERS, built, due
from services.desk.entrance import who
from services.desk.forms import Desk, Form, done
from services.desk.page import Page
from services.desk.tasks import tasks

OPEN_MAX: Final = 200
DONE_MAX: Final = 20  # The latest, for who pressed done too soon.


def router(desk: Desk, page: Page) -> APIRouter:
    routes = APIRouter(prefix="/tasks", include_in_schema=False)

    @routes.get("")
    async def show(request: Request) -> HTMLResponse:
        session = who(desk.door, request)
        waiting, over = await listed(desk.engine)
        html = page.desk(
            "tasks.html", session, desk.clock(), waiting=waiting, over=over, here="tasks", full=len(waiting) == OPEN_MAX
        )
        return HTMLResponse(html)

    @routes.post("/{task_id}/{step}")
    async def act(task_id: str, step: str, request: Request) -> Response:
        form = await desk.read(request)
        task = await found(desk.engine, task_id)
        await desk.keep(form, *stepped(step, task, form, desk.clock()))
        return done(request, "/tasks")

    return routes


async def listed(engine: Engine) -> tuple[Sequence[Row], Sequence[Row]]:
    """What is to be done, the most urgent first; and what was done last."""
    table = await engine.table(tasks)
    waiting = select(table).where(or_(table.c.state == "open", table.c.state == "overdue"))
    over = select(table).where(table.c.state == "done").order_by(table.c.changed_at.desc())
    return (
        await engine.fetch(waiting.order_by(table.c.due, table.c.task_id).limit(OPEN_MAX)),
        await engine.fetch(over.limit(DONE_MAX)),
    )


async def found(engine: Engine, task_id: str) -> Row:
    table = await engine.table(tasks)
    for row in await engine.fetch(select(table).where(table.c.task_id == task_id)):
        return row
    raise HTTPException(404)


def stepped(step: str, task: Row, form: Form, now: datetime) -> list[Event]:
    said: Mapping[str, str] = {"task_id": task["task_id"], "agent_id": form.session.agent_id}
    match step:
        case "reached" | "missed":
            reached = step == "reached"
            tried = built(t.TaskTried, at=now, reached=reached, text=form.text("text"), **said)
            return [tried, *made(task, form, now, reached=reached)]
        case "done":
            return [built(t.TaskDone, at=now, text=form.text("text"), **said)]
        case "reopen":
            return [built(t.TaskReopened, at=now, text=form.text("text"), **said)]
        case "assign":
            kind = form.line("owner_kind") if form.line("owner_kind") in OWNERS else "group"
            owner = form.line("owner", needed=True).replace(" ", "-")
            return [built(t.TaskAssigned, at=now, owner_kind=kind, owner=owner, text=form.text("text"), **said)]
        case "due":
            return [built(t.TaskDueSet, at=now, due=due(form, now), **said)]
    raise HTTPException(404)


def made(task: Row, form: Form, now: datetime, *, reached: bool) -> list[Event]:
    """Calling back is a contact too, and stands in the story of whom we called."""
    if not (task["contact_id"] and task["address_id"]):
        return []
    ids = {"contact_id": task["contact_id"], "address_id": task["address_id"], "agent_id": form.session.agent_id}
    return [built(c.ContactMade, at=now, channel="phone", reached=reached, address=task["address"], **ids)]
