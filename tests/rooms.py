"""The whole house in this process, without a socket: for tests of what it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from draad.health import Watch
from draad.keys import Keys
from draad.parts import PARTS
from draad.rates import Rates
from draad.roads import Roads
from draad.site import Site
from draad.web import Clock, House, house
from engine.blobs import Blobs
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.store import Store
from services.desk.login import Provider
from services.zaken.settings import ZakenSettings
from tests.fakes.openzaak import settings_of

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TOKEN: Final = "a-token-for-these-tests-and-nothing-else"
KEYS: Final = Keys(*(name.encode() for name in Keys._fields))

WHOLE: Final = Site(zaken=ZakenSettings.model_validate(settings_of("https://openzaak.example")))  # With all its doors.


@dataclass
class Rooms:
    engine: Engine
    house: House
    watch: Watch
    client: httpx.AsyncClient

    async def settle(self) -> None:
        """Let every part and the news see what there is."""
        await self.engine.settle(*PARTS)
        while await self.house.news.look():
            pass
        await self.house.gate.look()

    async def post(self, body: Any, key: str = "k1", **headers: str) -> httpx.Response:
        return await self.client.post("/v1/contacts", json=body, headers={"Idempotency-Key": key} | headers)

    async def enter(self) -> None:
        """Come in through the door, as a browser does."""
        answer = await self.client.post(f"/open/{self.house.door.link()}")
        assert answer.status_code == 303
        del self.client.headers["authorization"]


def clock() -> datetime:
    return NOW


@asynccontextmanager
async def rooms(  # noqa: PLR0913  # All that a house stands on.
    store: Store | None = None,
    *,
    rates: Rates | None = None,
    roads: Roads | None = None,
    blobs: Blobs | None = None,
    site: Site | None = None,
    accounts: Provider | None = None,
    clock: Clock = clock,
    scraper: str = "",
) -> AsyncIterator[Rooms]:
    engine = Engine(store or MemoryStore(Disk(), clock), clock=clock)
    watch = Watch(engine, [part.name for part in PARTS], None)
    built = house(
        engine,
        KEYS,
        TOKEN,
        watch,
        clock,
        rates=rates,
        roads=roads,
        blobs=blobs,
        site=site,
        accounts=accounts,
        scraper=scraper,
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=built.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://draad", headers=headers) as client:
        yield Rooms(engine, built, watch, client)
    await engine.close()


def ago(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()


def told(answer: httpx.Response, status: int) -> str:
    """The detail of a problem, after a look at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["api-version"]
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    return str(body["detail"])
