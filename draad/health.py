"""Is it alive, is it ready, and what does it measure. Ready means: the log can be written, and no part stands still."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, ProcessCollector, generate_latest
from starlette.responses import JSONResponse, Response

from draad.problem import PROBLEM, RETRY_AFTER_S, problem
from engine.engine import Engine
from engine.file import FREE_BYTES_MIN
from engine.store import Lease, Standing
from schemas.errors import Unavailable

STUCK_S: Final = 30.0  # A part that is behind, and has not moved for so long, stands still.
WATCH_S: Final = 2.0
SKEW_S_MAX: Final = 5.0  # Between this machine's clock and that of the database.
WRITE_S_MAX: Final = 5.0


class Watch:
    """Sees whether every part of this program goes on."""

    def __init__(self, engine: Engine, names: Sequence[str], folder: Path | None) -> None:
        self._engine, self._names, self._folder = engine, names, folder
        self._moved: dict[str, tuple[tuple[int, ...], float]] = {}
        self._last: Sequence[Standing] = ()
        self.roads: Callable[[], list[str]] = list  # What stands still on a road: the house is ready all the same.
        registry = engine.meter.registry
        self._ready = Gauge("draad_ready", "1 while it can take work and no part stands still", registry=registry)
        self._free = Gauge("draad_disk_free_bytes", "Room for the log", registry=registry) if folder else None
        ProcessCollector(registry=registry)
        build = Gauge("draad_build_info", "Always 1: which Draad this is", ["version"], registry=registry)
        build.labels(version("draad")).set(1)

    async def run(self) -> None:
        """Look at all parts now and then, for ever."""
        while True:
            await self.faults(self._engine.store.now())
            self._look(self._last)
            await asyncio.sleep(WATCH_S)

    def _look(self, standings: Sequence[Standing]) -> None:
        now = asyncio.get_running_loop().time()
        for name in self._names:
            tasks = [standing for standing in standings if standing.task.name == name]
            places = tuple(standing.task.position for standing in tasks)
            known = self._moved.get(name)
            if known is None or known[0] != places or not any(standing.behind for standing in tasks):
                self._moved[name] = (places, now)

    async def faults(self, now: datetime) -> list[str]:
        """Why it is not ready, a sentence each; nothing if it is."""
        found = await self._found(now)
        self._ready.set(not found)
        return found

    async def _found(self, now: datetime) -> list[str]:
        found: list[str] = []
        try:
            async with asyncio.timeout(WRITE_S_MAX):
                await self._engine.store.lease([], Lease("health", now, now + timedelta()))
                self._last = await self._engine.standings()
        except Unavailable as error:
            found.append(str(error))
        except TimeoutError:
            found.append("the log does not answer")
        if abs(skew := self._engine.store.skew_s) > SKEW_S_MAX:
            found.append(f"this machine's clock is {abs(skew):.0f} s off: what is told here gets a wrong time")
        found.extend(self._cramped())
        loop_now = asyncio.get_running_loop().time()
        stuck = [name for name, (_, since) in self._moved.items() if loop_now - since > STUCK_S]
        found.extend(f"{name} stands still" for name in stuck)
        return found

    def _cramped(self) -> list[str]:
        """What there is to say of the room for the log."""
        if self._folder is None or self._free is None:
            return []
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return ["the folder of the log is gone"]
        self._free.set(free)
        return [f"only {free // 2**20} MB of disk are free"] if free < FREE_BYTES_MIN else []


def router(engine: Engine, watch: Watch, clock: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live", summary="Is it alive", response_class=JSONResponse)
    async def live() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @routes.get("/health/ready", summary="Can it take work", response_class=JSONResponse, responses=UNREADY)
    async def ready() -> Response:
        if faults := await watch.faults(clock()):
            return problem(503, "; ".join(faults), {"Retry-After": str(RETRY_AFTER_S)})
        details = watch.roads()
        if (waiting := engine.store.waiting) is not None:  # It takes facts all the same.
            details = [f"the log is away: {waiting} facts are kept and wait for it", *details]
        return JSONResponse({"status": "ok"} | ({"detail": "; ".join(details)} if details else {}))

    @routes.get("/metrics", summary="What it measures, for Prometheus", response_class=Response)
    async def metrics() -> Response:
        """Names of parts and numbers, never a subject; it asks for the token all the same."""
        with suppress(Unavailable):  # Then what was last known, and that it is not ready.
            engine.meter.stand(await engine.standings(), engine.store.waiting)
        return Response(generate_latest(engine.meter.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


UNREADY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "Not now", "content": {"application/problem+json": {"schema": PROBLEM}}}
}
