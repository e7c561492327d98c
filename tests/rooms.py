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
from draad.web import House, house
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.store import Store

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TOKEN: Final = "a-token-for-these-tests-and-nothing-else"
KEYS: Final = Keys(addresses=b"addresses", door=b"door")


@dataclass
class Rooms:
    engine: Engine
    house: House
    watch: Watch
    client: httpx.AsyncClient

    async def settle(self) -> None:
        """Let every part and the feed see what there is."""
        await self.engine.settle(*PARTS)
        while await self.house.feed.look():
            pass

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
async def rooms(store: Store | None = None) -> AsyncIterator[Rooms]:
    engine = Engine(store or MemoryStore(Disk(), clock), clock=clock)
    watch = Watch(engine, [part.name for part in PARTS], None)
    built = house(engine, KEYS, TOKEN, watch, clock)
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
