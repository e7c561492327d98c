"""The log as a command sees it: beside a Draad that runs on it, or alone with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from draad.many import cluster
from draad.settings import Settings
from engine.engine import Engine, open_engine, utc_now
from engine.sqlite import SqliteStore
from schemas.errors import Refused


@asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Engine]:
    """Look at the log, and ask for things. Raises `Refused` where there is none."""
    if settings.servers:
        async with open_engine(settings.log, cluster=cluster(settings)) as engine:
            yield engine
        return
    if settings.path is None:
        raise Refused("a log in memory is gone when its process ends: name one with --log sqlite:///path")
    engine = Engine(await SqliteStore.open(settings.path, utc_now, beside=True))
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def alone(settings: Settings) -> AsyncIterator[Engine | None]:
    """The log to work on, or nothing where another Draad runs on it, as on many machines it always may."""
    if settings.servers:
        yield None
        return
    async with beside(settings) as engine:
        await engine.standings()  # Here and ours: from now on a refusal means that it is in use.
    opened = open_engine(settings.log)
    try:
        engine = await opened.__aenter__()
    except Refused:
        yield None
        return
    try:
        yield engine
    finally:
        await opened.__aexit__(None, None, None)
