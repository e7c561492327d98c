"""Files, such as attachments and raw mails, by the SHA-256 of their bytes. What `put` answered for is durable.

Beside the log's file they lie in a folder; on many machines in PostgreSQL; for tests in memory.
"""

import asyncio
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from engine.cluster import Cluster
from engine.file import FREE_BYTES_MIN
from engine.writer import FULL
from schemas.errors import Refused, Unavailable

if TYPE_CHECKING:
    from engine.postgres import Database

BLOB_BYTES_MAX: Final = 40 * 2**20
CHUNK_BYTES: Final = 2**20  # Of one row in PostgreSQL.
CONNECTIONS_MAX: Final = 4
SPENT: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
NAME: Final = re.compile(r"[0-9a-f]{64}")
DRAFTS: Final = "drafts"
FAILED: Final = "a file cannot be kept, because the disk failed: mend it, and send it again"

log = structlog.get_logger("blobs")


class Blobs(Protocol):
    """Bytes, kept whole. The same bytes are kept once, however often they come."""

    async def put(self, data: bytes) -> str:
        """Their SHA-256 in hexadecimal; durable when it returns.

        Raises `Refused` past `BLOB_BYTES_MAX`, and `Unavailable` where nobody knows: put them again.
        """

    async def get(self, digest: str) -> bytes | None:
        """The bytes of this SHA-256, or nothing where they are not here whole. Raises `Unavailable`."""


def named(data: bytes) -> str:
    """The name of these bytes. Raises `Refused` where they are too many."""
    if len(data) > BLOB_BYTES_MAX:
        raise Refused(f"the file is larger than {BLOB_BYTES_MAX} bytes")
    return hashlib.sha256(data).hexdigest()


def whole(digest: str, data: bytes) -> bytes | None:
    """The bytes, if they are what their name says. What is torn or was tampered with is never shown."""
    if hashlib.sha256(data).hexdigest() == digest:
        return data
    log.error("blobs.damaged", digest=digest)
    return None


class MemoryBlobs:
    """Gone with the process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        digest = named(data)
        self._kept[digest] = data
        return digest

    async def get(self, digest: str) -> bytes | None:
        data = self._kept.get(digest)
        return None if data is None else whole(digest, data)


class FolderBlobs:
    """A file each, under the first digits of its name. It is written beside, and put in its place when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, folder: Path) -> "FolderBlobs":
        """Make the folder, for its owner only, and take away what a crash left half written. Raises `Refused`."""
        try:
            shutil.rmtree(folder / DRAFTS, ignore_errors=True)
            (folder / DRAFTS).mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)  # It holds what residents sent.
            for made in (folder, folder.parent):
                sync(made)
        except OSError as error:
            raise Refused(f"cannot write in {folder} ({error.strerror}): mend its permissions") from None
        return cls(folder)

    async def put(self, data: bytes) -> str:
        digest = named(data)
        try:
            await asyncio.to_thread(self._write, digest, data)
        except OSError as error:
            raise Unavailable(FULL if error.errno in SPENT else FAILED) from None
        return digest

    async def get(self, digest: str) -> bytes | None:
        if not NAME.fullmatch(digest):
            return None
        try:
            data = await asyncio.to_thread(self._place(digest).read_bytes)
        except FileNotFoundError:
            return None
        except OSError:
            raise Unavailable("a file cannot be read, because the disk failed") from None
        return await asyncio.to_thread(whole, digest, data)

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _write(self, digest: str, data: bytes) -> None:
        """Anew each time, so that what lies there damaged is whole again."""
        if shutil.disk_usage(self._folder).free < FREE_BYTES_MIN + len(data):
            raise OSError(errno.ENOSPC, FULL)  # The log goes first.
        place, draft = self._place(digest), self._folder / DRAFTS / secrets.token_hex(16)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            place.parent.mkdir(exist_ok=True)
            sync(self._folder)  # Whoever made it, perhaps a moment ago, may not have come to this yet.
            draft.replace(place)
            sync(place.parent)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


def sync(folder: Path) -> None:
    """What was made or renamed in it is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class PostgresBlobs:
    """Rows of `CHUNK_BYTES`, written in one transaction."""

    def __init__(self, db: "Database") -> None:
        self._db = db

    async def put(self, data: bytes) -> str:
        digest = named(data)
        name = bytes.fromhex(digest)
        pieces = [(name, nth, data[at : at + CHUNK_BYTES]) for nth, at in enumerate(range(0, len(data), CHUNK_BYTES))]
        async with self._db.transaction() as db:
            await db.executemany(KEEP, pieces or [(name, 0, b"")])
        return digest

    async def get(self, digest: str) -> bytes | None:
        if not NAME.fullmatch(digest):
            return None
        rows = await self._db.fetch("SELECT data FROM blob WHERE digest = $1 ORDER BY nth", bytes.fromhex(digest))
        if not rows:
            return None
        return await asyncio.to_thread(whole, digest, b"".join(row[0] for row in rows))


KEEP: Final = """INSERT INTO blob (digest, nth, data) VALUES ($1, $2, $3)
    ON CONFLICT (digest, nth) DO UPDATE SET data = excluded.data WHERE blob.data <> excluded.data"""


@asynccontextmanager
async def open_blobs(url: str, cluster: Cluster | None = None) -> AsyncIterator[Blobs]:
    """The files that belong to the log of this address. Raises `Refused` or `Unavailable`, with what to do."""
    scheme, _, rest = url.partition(":")
    if cluster:
        from engine.postgres import Database

        db = await Database.open(cluster.database, CONNECTIONS_MAX)
        try:
            yield PostgresBlobs(db)
        finally:
            await db.close()
    elif scheme == "memory":
        yield MemoryBlobs()
    else:
        yield FolderBlobs.open(folder_of(rest.removeprefix("///")))


def folder_of(path: str) -> Path:
    """Where the files of a log at this path lie."""
    return Path(f"{path}.blobs")
