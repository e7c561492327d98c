"""Looks at all cases that are open or were closed lately, and gives a notice of each that changed unseen.

So a notice that was lost costs time and nothing else. What it asks of the case system is a page for each hundred cases.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import select

from channels.days import ZONE
from engine.engine import Engine
from engine.work import reason
from schemas.event import fact
from schemas.notice import NoticeReceived
from services.zaken.register import Register
from services.zaken.seen import seen
from services.zaken.words import Zaak, uuid_of

LATELY: Final = timedelta(days=31)
PAGE_MAX: Final = 1_000  # Of our own view, and of what is appended at once.
PAUSE_S_MIN: Final = 1.0
PAUSE_S_MAX: Final = 300.0
MISSED: Final = "missed"  # What the notice says, where the case system gave none.

log = structlog.get_logger("zaken")


class Poll:
    """Every so many minutes, for as long as the engine runs."""

    def __init__(
        self,
        engine: Engine,
        register: Register,
        clock: Callable[[], datetime],
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._engine, self._register, self._clock = engine, register, clock
        self._every_s = register.settings.poll_minutes * 60.0
        self._up = Gauge("draad_zaken_up", "1 while the case system answers", registry=registry)
        self._last = Gauge("draad_zaken_polled_seconds", "When all cases were last looked at", registry=registry)
        self._missed = Counter("draad_zaken_missed_total", "Cases that changed without a notice", registry=registry)

    async def run(self) -> None:
        """Until the engine stops. What is being looked at then is looked at by whoever comes next."""
        turns = asyncio.create_task(self._turns())
        try:
            await self._engine.stopped()
        finally:
            turns.cancel()
            await asyncio.gather(turns, return_exceptions=True)
            await self._register.close()

    async def _turns(self) -> None:
        """For ever. What fails is tried again, later and later."""
        pause = PAUSE_S_MIN
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  # Whatever that system says, the house stands, and we go on.
                self._up.set(0)
                log.warning("zaken.unpolled", error=reason(error))
                pause = min(pause * 2, PAUSE_S_MAX)
            else:
                self._up.set(1)
                pause = self._every_s

    async def look(self) -> None:
        """Once. Raises what the case system does, or the log."""
        began, found = self._clock(), set[str]()
        lately = (began.astimezone(ZONE) - LATELY).date().isoformat()
        home = f"{self._register.settings.zaken_url}zaken"
        for asked in ({"einddatum__isnull": "true"}, {"einddatum__gt": lately}):
            async for page in self._register.pages(Zaak, home, asked):
                shown = {uuid_of(zaak.url, f"{home}/"): zaak.digest for zaak in page}
                found |= shown.keys()
                known = await self._known(list(shown))
                await self._notice({case: now for case, now in shown.items() if known.get(case) != now}, began)
        await self._vanished(found, began)
        self._last.set(began.timestamp())

    async def _known(self, cases: Sequence[str]) -> dict[str, str]:
        table = await self._engine.table(seen)
        rows = await self._engine.fetch(select(table.c.case_id, table.c.digest).where(table.c.case_id.in_(cases)))
        return {row["case_id"]: row["digest"] for row in rows}

    async def _vanished(self, found: set[str], began: datetime) -> None:
        """Cases that were open, and are in neither list: removed, or closed under a date of long ago."""
        last = ""
        while True:
            table = await self._engine.table(seen)
            query = select(table.c.case_id, table.c.digest).where(table.c.ended.is_(False), table.c.case_id > last)
            rows = await self._engine.fetch(query.order_by(table.c.case_id).limit(PAGE_MAX))
            await self._notice({r["case_id"]: r["digest"] for r in rows if r["case_id"] not in found}, began)
            if len(rows) < PAGE_MAX:
                return
            last = rows[-1]["case_id"]

    async def _notice(self, cases: Mapping[str, str], began: datetime) -> None:
        """One for each, as it looks now, whichever machines look in the same turn."""
        turn = int(began.timestamp() // self._every_s)
        facts = [
            fact(NoticeReceived(at=began, case_id=case, what=MISSED), key=f"{MISSED} {turn} {digest}")
            for case, digest in cases.items()
        ]
        if facts:
            await self._engine.append(*facts)
            self._missed.inc(len(facts))
