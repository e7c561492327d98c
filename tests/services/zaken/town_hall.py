"""A house beside a case system, in this process and at an hour that only the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from draad.parts import EVERY
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.event import Event
from schemas.reading import read
from services.zaken.courier import Courier
from services.zaken.poll import Poll
from services.zaken.register import Register
from services.zaken.settings import ZakenSettings
from tests.fakes.openzaak import OpenZaak, settings_of
from tests.rooms import KEYS, TOKEN, WHOLE, Rooms, rooms

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WAIT_S_MAX: Final = 20
TOLD: Final = ("case.", "party.")


@dataclass
class Hour:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class TownHall:
    """Everything that a test of it needs."""

    zaak: OpenZaak
    hour: Hour
    rooms: Rooms
    known: dict[str, list[str]] = field(default_factory=dict)  # The parties of a number, by its hash.

    @property
    def engine(self) -> Engine:
        return self.rooms.engine

    async def whose(self, _scheme: str, digest: str) -> list[str]:
        return self.known.get(digest, [])

    def register(self) -> Register:
        return register_of(self.zaak, self.hour)

    def courier(self, engine: Engine | None = None) -> Courier:
        return Courier(engine or self.engine, self.register(), self.whose, KEYS.addresses, self.hour)

    async def polls(self) -> None:
        await Poll(self.engine, self.register(), self.hour).look()

    async def tells(self, notice: Mapping[str, Any], token: str = TOKEN) -> httpx.Response:
        return await self.rooms.client.post(
            "/zgw/notificaties", json=notice, headers={"Authorization": f"Bearer {token}"} if token else {}
        )

    async def facts(self, *types: str) -> list[Event]:
        """What was told of cases and parties; or what is of these types."""
        facts = [fact for fact in await self.engine.read(0, 10_000) if fact.type.startswith(types or TOLD)]
        return [read(fact.type, fact.data) for fact in facts]

    async def comes(self, holds: Callable[[list[Event]], bool], *types: str) -> list[Event]:
        """These facts, as soon as that holds of them."""
        async with asyncio.timeout(WAIT_S_MAX):
            while not holds(found := await self.facts(*types)):
                await self.engine.store.moved(self.engine.store.mark(), 0.02)
        return found

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The parts and the courier run, until they are stopped."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run(*EVERY))
            group.create_task(self.courier().run())
            try:
                yield
            finally:
                self.engine.stop()


def register_of(zaak: OpenZaak, hour: Callable[[], datetime], **more: Any) -> Register:
    settings = ZakenSettings.model_validate(settings_of(zaak.home, **more))
    return Register(settings, hour, httpx.ASGITransport(app=zaak))


@asynccontextmanager
async def town_hall(disk: Disk | None = None) -> AsyncIterator[TownHall]:
    hour = Hour()
    zaak = OpenZaak()
    zaak.now = hour
    async with rooms(MemoryStore(disk or Disk(), hour), site=WHOLE, clock=hour) as opened:
        del opened.client.headers["authorization"]

        async def callback(url: str, headers: Mapping[str, str], body: dict[str, Any]) -> int:
            return (
                await opened.client.post(url.replace("http://localhost", ""), json=body, headers=headers)
            ).status_code

        zaak.callback = callback
        await opened.engine.settle(*EVERY)  # So that every view is there.
        yield TownHall(zaak, hour, opened)
