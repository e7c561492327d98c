"""Once an hour it is looked whether there is anything that residents should hear of, and nobody was asked to tell."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import and_, select

from engine.engine import Engine
from engine.work import stamp
from schemas.errors import Unavailable
from services.notify.owed import asked, owed

NAME: Final = owed.name
EVERY_S: Final = 3_600.0
FIRST_S: Final = 300.0  # After a start the parts catch up first.
BACK: Final = timedelta(hours=48)
GRACE: Final = timedelta(minutes=5)  # What happened just now may be on its way.
FOUND_MAX: Final = 1_000

log = structlog.get_logger("notify")


class Forgotten(NamedTuple):
    """A change of which nobody was told, and for which there is no reason."""

    about: str
    what: str


class Gap:
    """Looks, counts and says what it found. It mends nothing: a person should know first."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime], registry: CollectorRegistry | None) -> None:
        self._engine, self._clock = engine, clock
        self._gauge = Gauge(
            "draad_notify_gap", "Changes of which residents were to be told and were not", registry=registry
        )

    async def run(self) -> None:
        """Until the engine stops."""
        wait_s = FIRST_S
        while not await self._engine.stopped(wait_s):
            wait_s = EVERY_S
            try:
                self.count(await forgotten(self._engine, self._clock()))
            except Unavailable as error:
                log.warning("notify.gap-unknown", error=type(error).__name__)

    def count(self, found: Sequence[Forgotten]) -> None:
        self._gauge.set(len(found))
        for each in found:
            log.error("notify.gap", about=each.about, what=each.what)


async def forgotten(engine: Engine, now: datetime) -> Sequence[Forgotten]:
    """Of the last two days. Raises `Unavailable`."""
    due, told = await engine.table(owed), await engine.table(asked)
    same = and_(*(told.c[name] == due.c[name] for name in ("about", "what", "at")))
    lately = due.c.at.between(stamp(now - BACK), stamp(now - GRACE))
    query = select(due.c.about, due.c.what).where(due.c.why == "", lately, ~select(told.c.at).where(same).exists())
    return [Forgotten(row["about"], row["what"]) for row in await engine.fetch(query.limit(FOUND_MAX))]
