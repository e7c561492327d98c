"""Files are kept whole, once each, and durable before `put` returns; on every engine."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple, Self
from uuid import uuid4

import pytest

from engine import blobs as module
from engine.blobs import (
    BLOB_BYTES_MAX,
    CHUNK_BYTES,
    Blobs,
    FolderBlobs,
    MemoryBlobs,
    PostgresBlobs,
    folder_of,
    open_blobs,
)
from engine.cluster import Cluster
from engine.postgres import Database
from engine.writer import FULL
from schemas.errors import Refused, Unavailable
from tests.contract.places import make_database, servers

PICTURE: Final = bytes(range(256)) * 20


class Kept(NamedTuple):
    """Where files are kept, how to harm one, and how to come back after a restart."""

    blobs: Blobs
    harm: Callable[[str], Awaitable[None]]
    again: Callable[[], Awaitable[Blobs]]


@pytest.fixture(params=["memory", "folder", "postgres"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    if request.param == "memory":
        memory = MemoryBlobs()

        async def harm(digest: str) -> None:
            memory._kept[digest] = memory._kept[digest][:-1]

        async def again() -> Blobs:
            return memory

        yield Kept(memory, harm, again)
    elif request.param == "folder":

        async def tear(digest: str) -> None:
            place = tmp_path / "blobs" / digest[:2] / digest
            place.write_bytes(place.read_bytes()[:-1])

        async def reopened() -> Blobs:
            return FolderBlobs.open(tmp_path / "blobs")

        yield Kept(await reopened(), tear, reopened)
    else:
        here, name = await asyncio.to_thread(servers), f"b{uuid4().hex[:12]}"
        await make_database(here.postgres, name, "pattern")
        db = await Database.open(here.postgres.url(name), 4)

        async def spoil(digest: str) -> None:
            async with db.transaction() as transaction:
                await transaction.execute("UPDATE blob SET data = '\\x00' WHERE digest = $1", bytes.fromhex(digest))

        async def another() -> Blobs:
            return PostgresBlobs(db)

        yield Kept(PostgresBlobs(db), spoil, another)
        await db.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
async def test_what_was_put_is_there_whole_after_a_restart(kept: Kept, size: int) -> None:
    data = os.urandom(size)
    digest = await kept.blobs.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert await (await kept.again()).get(digest) == data


async def test_the_same_bytes_at_once_are_one_file(kept: Kept) -> None:
    digests = await asyncio.gather(*(kept.blobs.put(PICTURE) for _ in range(20)))
    assert set(digests) == {hashlib.sha256(PICTURE).hexdigest()}
    assert await kept.blobs.get(digests[0]) == PICTURE


async def test_what_was_never_put_is_nothing(kept: Kept) -> None:
    for name in ("0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 63):
        assert await kept.blobs.get(name) is None


async def test_a_torn_file_is_never_served_and_is_whole_again_when_it_is_put_again(kept: Kept) -> None:
    digest = await kept.blobs.put(PICTURE)
    await kept.harm(digest)
    assert await kept.blobs.get(digest) is None
    assert await kept.blobs.put(PICTURE) == digest
    assert await kept.blobs.get(digest) == PICTURE


async def test_a_file_at_the_limit_is_kept_and_one_past_it_is_refused(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BLOB_BYTES_MAX == 40 * 2**20
    monkeypatch.setattr(module, "BLOB_BYTES_MAX", len(PICTURE))
    assert await kept.blobs.get(await kept.blobs.put(PICTURE)) == PICTURE
    with pytest.raises(Refused, match="larger than"):
        await kept.blobs.put(PICTURE + b"x")


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
async def test_a_full_disk_is_later_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    blobs = FolderBlobs.open(tmp_path / "blobs")
    real_open, real_replace = os.fdopen, Path.replace

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        if call == "write":
            broken.setattr(os, "fdopen", lambda fd, mode: Failing(real_open(fd, mode)))
        elif call == "fsync":
            broken.setattr(os, "fsync", full)
        else:
            broken.setattr(Path, "replace", full)
        with pytest.raises(Unavailable, match="the disk is full"):
            await blobs.put(PICTURE)
    assert Path.replace is real_replace
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    assert await blobs.get(hashlib.sha256(PICTURE).hexdigest()) is None
    assert await blobs.get(await blobs.put(PICTURE)) == PICTURE


class Failing:
    """A file on a disk without space."""

    def __init__(self, file: "object") -> None:
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()  # type: ignore[attr-defined]

    def write(self, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_the_log_keeps_the_last_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs.open(tmp_path / "blobs")
    monkeypatch.setattr(module, "FREE_BYTES_MIN", 2**60)
    with pytest.raises(Unavailable) as caught:
        await blobs.put(PICTURE)
    assert str(caught.value) == FULL


async def test_what_a_crash_left_half_written_is_taken_away(tmp_path: Path) -> None:
    draft = tmp_path / "draad.db.blobs" / "drafts" / "x"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half")
    async with open_blobs(f"sqlite:///{tmp_path}/draad.db") as blobs:
        assert not draft.exists()
        digest = await blobs.put(PICTURE)
    place = folder_of(f"{tmp_path}/draad.db") / digest[:2] / digest
    assert place.stat().st_mode & 0o777 == 0o600
    assert folder_of(f"{tmp_path}/draad.db").stat().st_mode & 0o777 == 0o700


async def test_every_log_has_its_files() -> None:
    async with open_blobs("memory:") as blobs:
        assert isinstance(blobs, MemoryBlobs)
    here, name = await asyncio.to_thread(servers), f"b{uuid4().hex[:12]}"
    await make_database(here.postgres, name, "pattern")
    async with open_blobs("kafka://x:1", Cluster("x:1", here.postgres.url(name), ["case"])) as blobs:
        assert await blobs.get(await blobs.put(PICTURE)) == PICTURE


async def test_a_database_that_is_away_is_later() -> None:
    here, name = await asyncio.to_thread(servers), f"b{uuid4().hex[:12]}"
    await make_database(here.postgres, name, "pattern")
    async with open_blobs("kafka://x:1", Cluster("x:1", here.postgres.url(name), ["case"])) as blobs:
        digest = await blobs.put(PICTURE)
        assert isinstance(blobs, PostgresBlobs)
        await blobs._db.close()
        with pytest.raises(Unavailable):
            await blobs.put(PICTURE)
        with pytest.raises(Unavailable):
            await blobs.get(digest)
