"""`draad parked`, `draad redrive` and `draad rebuild`: asked of the Draad that runs on the log, or else done here."""

import asyncio
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from draad.beside import alone, beside
from draad.parts import EVERY
from draad.settings import Settings
from engine.engine import Engine
from engine.processor import Part
from engine.store import Aside, Standing
from schemas.errors import Refused, Unavailable

POLL_S: Final = 0.1
TRIED_S: Final = 3.0  # A Draad that runs has tried by then: it looks twice a second.
IDLE_S_MAX: Final = 30.0  # Whoever we asked has done nothing for so long.

screen = Console(soft_wrap=True)


async def parked(settings: Settings) -> bool:
    async with beside(settings) as engine:
        asides = await engine.parked()
    if not asides:
        screen.print("Nothing is parked.")
        return True
    table = Table("part", "subject", "waiting", "since position", "why", box=None, pad_edge=False)
    for aside in asides:
        table.add_row(aside.name, Text(aside.subject), str(aside.waiting), str(aside.position), Text(aside.reason))
    screen.print(table)
    return False


async def redrive(settings: Settings, name: str, subject: str | None) -> bool:
    async with alone(settings) as engine:
        if engine:
            await known(engine, name)
            asked = await engine.redrive(name, subject)
            await engine.settle(*parts(name))
            return reported(asked, left(await engine.parked(), name, subject))
    async with beside(settings) as engine:
        await known(engine, name)
        asked = await engine.redrive(name, subject)
        return reported(asked, await watched(engine, name, subject) if asked else 0)


async def rebuild(settings: Settings, name: str) -> bool:
    async with alone(settings) as engine:
        if engine:
            await known(engine, name)
            await engine.rebuild(name)
            settling = asyncio.create_task(engine.settle(*parts(name)))
            try:
                await followed(engine, name, settling)
            finally:
                await settling
            return True
    async with beside(settings) as engine:
        await known(engine, name)
        await engine.rebuild(name)
        await followed(engine, name, None)
        return True


async def known(engine: Engine, name: str) -> None:
    """Raises `Refused` where no part of this name has run on the log."""
    names = sorted({standing.task.name for standing in await engine.standings()})
    if name not in names:
        raise Refused(f"no part of that name has run on this log: there is {', '.join(names) or 'none yet'}")


def parts(name: str) -> Sequence[Part]:
    found = [part for part in EVERY if part.name == name]
    if not found:
        raise Refused(f"this Draad has no part named {name}: start the one that has it, and ask again")
    return found


def reported(asked: int, still: int) -> bool:
    if not asked:
        screen.print("Nothing was parked there.")
        return True
    screen.print(f"Tried again: {asked} subject{'s'[: asked != 1]}. Still parked: {still}.")
    return not still


def left(asides: Sequence[Aside], name: str, subject: str | None) -> int:
    return sum(aside.name == name and subject in {None, aside.subject} for aside in asides)


async def watched(engine: Engine, name: str, subject: str | None) -> int:
    """Wait while whoever runs makes progress; returns how many subjects are still parked."""
    loop = asyncio.get_running_loop()
    still, since = left(await engine.parked(), name, subject), loop.time()
    while still and loop.time() - since < TRIED_S:
        await engine.store.moved(engine.store.mark(), POLL_S)
        now = left(await engine.parked(), name, subject)
        since = since if now == still else loop.time()
        still = now
    return still


class Rate(TextColumn):
    """Facts a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} facts/s")


async def followed(engine: Engine, name: str, settling: "asyncio.Task[None] | None") -> None:
    """Show how far the rebuild is, until it is the active one."""
    loop = asyncio.get_running_loop()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""))
    with Progress(*columns, TimeRemainingColumn(), console=screen) as progress:
        bar = progress.add_task(f"rebuild {name}", total=None)
        place, since = -1, loop.time()
        while (new := rebuilding(await engine.standings(), name)) and not (settling and settling.done()):
            rebuilt, goal = new
            progress.update(bar, completed=rebuilt, total=goal)
            if rebuilt != place:
                place, since = rebuilt, loop.time()
            elif loop.time() - since > IDLE_S_MAX:
                raise Unavailable("it is asked, but does not move: draad doctor says whether Draad runs")
            await engine.store.moved(engine.store.mark(), POLL_S)
        total = progress.tasks[0].total or 0
        progress.update(bar, completed=total, total=total)
    screen.print(f"{name} is rebuilt.")


def rebuilding(standings: Sequence[Standing], name: str) -> tuple[int, int] | None:
    """Where the rebuilt task is, and where the active one; nothing if there is no rebuild."""
    tasks = [standing.task for standing in standings if standing.task.name == name]
    new = [task.position for task in tasks if not task.active]
    return (new[0], next(task.position for task in tasks if task.active)) if new else None
