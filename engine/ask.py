"""Asking several views at once, and asking again: a query is built once for the tables as they stand."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Select, Table

from engine.engine import Engine
from engine.processor import Projection
from engine.store import Answer
from schemas.errors import Unavailable

QUERIES_MAX: Final = 200
LOOK_S: Final = 0.02
SHOWN_S_MAX: Final = 1.0  # What is written is shown by then, or the page is sent without it.

Row = Mapping[str, Any]
Query = Callable[..., Select[Any]]


class Kept:
    """The tables of one engine's views, as they stood when they were last asked for, and the queries built on them."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.queries: dict[tuple[Query, tuple[str, ...], tuple[object, ...]], Select[Any]] = {}


KEPT: Final[WeakKeyDictionary[Engine, Kept]] = WeakKeyDictionary()


async def ask(
    engine: Engine, query: Query, views: Sequence[Projection], shape: Sequence[object], values: Mapping[str, Any]
) -> Sequence[Row]:
    """What `query`, a function of these tables and of this shape, finds for these values."""
    return (await answer(engine, query, views, shape, values)).mappings()


async def answer(
    engine: Engine, query: Query, views: Sequence[Projection], shape: Sequence[object], values: Mapping[str, Any]
) -> Answer:
    """The same, as `Engine.answer` has it."""
    try:
        return await engine.answer(await built(engine, query, views, shape), values)
    except Unavailable:
        forget(engine)  # One of them may have been replaced by a rebuilt one.
        return await engine.answer(await built(engine, query, views, shape), values)


def forget(engine: Engine) -> None:
    """Ask for every view's table anew: one of them was rebuilt, and the old one may be there still."""
    KEPT.pop(engine, None)


async def built(engine: Engine, query: Query, views: Sequence[Projection], shape: Sequence[object]) -> Select[Any]:
    kept = KEPT.setdefault(engine, Kept())  # Who asks now goes on with it, though it is forgotten meanwhile.
    key = (query, tuple(view.name for view in views), tuple(shape))
    if key not in kept.queries:
        for view in views:
            if view.name not in kept.tables:
                kept.tables[view.name] = await engine.table(view)
        if len(kept.queries) >= QUERIES_MAX:
            kept.queries.clear()
        kept.queries[key] = query(*(kept.tables[view.name] for view in views), *shape)
    return kept.queries[key]


async def places(engine: Engine, names: str = "") -> Mapping[tuple[str, str], int]:
    """How far the parts whose names begin so are on each partition: by the names of both."""
    return {(task.name, task.partition): task.position for task, _ in await engine.store.active(names)}


async def caught_up(engine: Engine, names: str) -> bool:
    """Wait until the parts whose names begin so are as far as the log is now. False, at once, where none of them runs.

    Whoever asks bounds it: a part may be far behind.
    """
    await engine.store.carried()
    ends = await engine.ends()
    goals = {place: ends.get(place[1], 0) for place in await places(engine, names)}
    left = goals
    while left:
        mark = engine.store.mark()
        at = await places(engine, names)
        left = {place: goal for place, goal in left.items() if at.get(place, goal) < goal}
        if left:
            await engine.store.moved(mark, LOOK_S)
    return bool(goals)


async def shown_soon(engine: Engine, views: str) -> None:
    """Wait until the views whose names begin so show what was just written, but not for long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SHOWN_S_MAX):
            await caught_up(engine, views)
