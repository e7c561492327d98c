"""The file under the log: is it ours, is it free, is there space. Each "no" is one sentence that says what to do."""

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from engine.tables import upgrade
from schemas.errors import Refused

APPLICATION_ID: Final = 0x44726164  # "Drad", in the file's own header.
FREE_BYTES_MIN: Final = 64 * 2**20
BUSY_MS: Final = 10_000
CACHE_KIB: Final = 32 * 1024
CHECKPOINT_PAGES: Final = 4_000  # Sixteen megabytes between two checkpoints.
CANNOT_OPEN: Final = "cannot open {} ({}): is the disk full, or is the file damaged?"
HEADER: Final = b"SQLite format 3\x00"


class Lock:
    """The right to run on a file. The system takes it back when the process ends, however it ends."""

    def __init__(self, path: str) -> None:
        name = Path(f"{path}.lock")
        try:
            name.parent.mkdir(parents=True, exist_ok=True)
            self._file = name.open("a")
        except OSError as error:
            raise Refused(f"cannot write in the folder of {path} ({error.strerror}): choose another") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise Refused(f"{path} is in use by another Draad: stop that one, or choose another file") from None

    def release(self) -> None:
        self._file.close()


def connect(path: str, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode: whoever writes says BEGIN and COMMIT."""
    db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        if read_only:
            db.execute("PRAGMA query_only = ON")
        else:
            make_safe(db, path)
    except BaseException:
        db.close()
        raise
    return db


def make_safe(db: sqlite3.Connection, path: str) -> None:
    """Every commit is on the disk before it returns. Raises `Refused` where that cannot be had."""
    db.execute("PRAGMA journal_mode = WAL").fetchall()  # To its end: it says "wal" first, and fails after.
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    settings = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    if settings != ["wal", 2]:
        raise Refused(f"{path} cannot be written safely here (no write-ahead log): put it on a local disk")


def prepare(path: str, *, beside: bool) -> None:
    """Make the file or bring it up to date. Raises `Refused` with what to do."""
    fresh = not Path(path).exists() or Path(path).stat().st_size == 0
    if beside and fresh:
        raise Refused(f"there is no log at {path}: start Draad on it first, or name the right file")
    if not fresh:
        recognise(path)
    if not beside:
        free = shutil.disk_usage(Path(path).parent).free
        if free < FREE_BYTES_MIN:
            raise Refused(f"only {free // 2**20} MB free for {path}: make room for at least {FREE_BYTES_MIN // 2**20}")
        bring_up_to_date(path, fresh=fresh)


def recognise(path: str) -> None:
    try:
        with Path(path).open("rb") as found:
            header = found.read(100)
    except OSError as error:
        raise Refused(f"cannot read {path} ({error.strerror})") from None
    if header[:16] != HEADER or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise Refused(f"{path} is not a log of Draad: choose another file")
    if not os.access(path, os.W_OK):
        raise Refused(f"{path} cannot be written: mend its permissions, or choose another")


def bring_up_to_date(path: str, *, fresh: bool) -> None:
    """All of it or nothing, wherever it is killed: a new log is made beside, and put in place when it is whole."""
    draft = f"{path}.new" if fresh else path
    try:
        if fresh:
            for left in (draft, f"{draft}-journal"):
                Path(left).unlink(missing_ok=True)
            Path(draft).touch(mode=0o600)  # It will hold what residents said: nobody else on this machine reads it.
        with (
            closing(sqlite3.connect(draft, isolation_level=None)) as db,
            create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool).connect() as connection,
        ):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # Left alone, each table is a transaction of its own.
            if fresh:
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            upgrade(connection)
            connection.commit()
        if fresh:
            Path(draft).replace(path)  # Kept with the first fact: SQLite syncs the folder with a new write-ahead log.
    except (sqlite3.Error, DBAPIError, OSError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "orig", None) or error
        raise Refused(CANNOT_OPEN.format(path, why)) from None
