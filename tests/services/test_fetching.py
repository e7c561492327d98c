"""A file that stays with its provider is fetched before that lets go of it, and kept."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from channels.channel import Secrets
from channels.loopback import Inbox, Loopback
from engine.blobs import BLOB_BYTES_MAX, Blobs, MemoryBlobs
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import Attachment, ContactAttached, ContactAttachmentAwaited
from schemas.errors import Refused, Unavailable
from schemas.event import fact
from services.intake import fetching as module
from services.intake.fetching import Fetching

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WAIT_S_MAX: Final = 20
PICTURE: Final = b"a picture"


def clock() -> datetime:
    return NOW


def awaited(reference: str, channel: str = "loopback") -> ContactAttachmentAwaited:
    attachment = Attachment(media_type="image/png", reference=reference, name="tuin.png")
    return ContactAttachmentAwaited(at=NOW, contact_id="c1", address_id="a1", channel=channel, attachment=attachment)


class House:
    def __init__(self, disk: Disk, media: dict[str, Any], blobs: Blobs) -> None:
        self.road = Loopback({"main": Inbox.model_validate({"secret": "a-secret-of-these-tests"})}, Secrets(b"", b""))
        self.road.media, self.blobs = media, blobs
        self.engine = Engine(MemoryStore(disk, clock), clock=clock)
        self.fetching = Fetching(self.engine, {"loopback": self.road}, blobs, clock)

    async def came(self, count: int) -> list[Attachment]:
        async with asyncio.timeout(WAIT_S_MAX):
            while len(found := [e for e in await self.engine.read() if e.type == ContactAttached.type]) < count:
                await self.engine.store.moved(self.engine.store.mark(), 0.02)
        return [ContactAttached.model_validate_json(envelope.data).attachment for envelope in found]


@asynccontextmanager
async def at_work(media: dict[str, Any], blobs: Blobs | None = None, disk: Disk | None = None) -> AsyncIterator[House]:
    house = House(disk or Disk(), media, blobs or MemoryBlobs())
    async with asyncio.TaskGroup() as group:
        group.create_task(house.fetching.run())
        try:
            yield house
        finally:
            house.engine.stop()
    await house.engine.close()


async def test_a_file_is_fetched_kept_and_named_by_its_digest() -> None:
    async with at_work({"r1": PICTURE}) as house:
        await house.engine.append(fact(awaited("r1"), key="r1"))
        [attachment] = await house.came(1)
        assert attachment.digest == hashlib.sha256(PICTURE).hexdigest()
        assert (attachment.size_bytes, attachment.name, attachment.reference) == (len(PICTURE), "tuin.png", "r1")
        assert await house.blobs.get(attachment.digest) == PICTURE


@pytest.mark.parametrize(
    ("media", "channel"),
    [
        ({"r1": Refused("gone")}, "loopback"),
        ({"r1": ValueError("a bug")}, "loopback"),
        ({}, "unknown"),
        ({}, "loopback"),
    ],
)
async def test_what_is_not_to_be_had_is_told_too(media: dict[str, Any], channel: str) -> None:
    async with at_work(media) as house:
        await house.engine.append(fact(awaited("r1", channel), key="r1"))
        [attachment] = await house.came(1)
        assert (attachment.digest, attachment.reference) == ("", "r1")


async def test_what_is_larger_than_a_file_may_be_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.blobs.BLOB_BYTES_MAX", 3)
    assert BLOB_BYTES_MAX > 3
    async with at_work({"r1": PICTURE}) as house:
        await house.engine.append(fact(awaited("r1"), key="r1"))
        assert [attachment.digest for attachment in await house.came(1)] == [""]


class Later(dict[str, Any]):
    """The provider is away for the first times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def get(self, reference: str, default: Any = None) -> Any:
        self.left -= 1
        return Unavailable("away") if self.left >= 0 else PICTURE


async def test_while_the_provider_is_away_others_go_on_and_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LADDER_S", (0.01, 0.01, 0.01))
    async with at_work(Later(3)) as house:
        await house.engine.append(fact(awaited("r1"), key="r1"))
        assert (await house.came(1))[0].digest
    async with at_work(Later(4)) as house:
        await house.engine.append(fact(awaited("r1"), key="r1"))
        assert not (await house.came(1))[0].digest, "not for ever"


async def test_one_that_waits_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LADDER_S", (3_600.0,))
    async with at_work({"away": Unavailable("away"), "here": PICTURE}) as house:
        await house.engine.append(fact(awaited("away"), key="away"), fact(awaited("here"), key="here"))
        assert [attachment.reference for attachment in await house.came(1)] == ["here"]


async def test_what_was_begun_before_a_crash_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LADDER_S", (3_600.0,))
    disk = Disk()
    async with at_work({"r1": Unavailable("away"), "r2": PICTURE}, disk=disk) as house:
        await house.engine.append(fact(awaited("r1"), key="r1"), fact(awaited("r2"), key="r2"))
        await house.came(1)
    async with at_work({"r1": PICTURE}, disk=disk) as house:
        assert [attachment.reference for attachment in await house.came(2)] == ["r2", "r1"]
        assert all(attachment.digest for attachment in await house.came(2))
