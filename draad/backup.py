"""`draad backup` and `draad restore`: all of one machine's Draad in a folder, whole, checked, while it runs.

The log is copied as it stood at one moment, by SQLite's own backup; then its files, all of which were durable before
the facts that name them; and its key. The folder has its name only once all of it is on the disk.

Between a backup and the failure after it, messages left. What was to be sent when the backup was made is therefore
taken as begun once it is restored: it is looked for at the provider, and is never simply sent again.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from draad.keys import kept, key_file
from draad.settings import Settings
from engine.blobs import DRAFTS, NAME, folder_of, sync
from engine.engine import utc_now
from engine.file import Lock, recognise
from engine.work import stamp
from schemas.errors import Refused
from schemas.message import MessageRequested
from services.intake import courier

LOG: Final = "log.db"
FILES: Final = "files"
KEY: Final = "key"
CONTENTS: Final = "contents.json"
PART: Final = ".part"
CHUNK_BYTES: Final = 2**20
ON_ONE: Final = "this is for a log in one file: docs/running.md says how to back up Kafka and PostgreSQL"
DAMAGED: Final = "the backup is damaged, and nothing was restored: take another one"

ASKED: Final = """INSERT OR IGNORE INTO lent SELECT task.number, log.position FROM log JOIN task ON name = ? AND active
    WHERE log.type = ? AND log.position > task.position"""
PASSED: Final = "UPDATE task SET position = (SELECT coalesce(max(position), 0) FROM log) WHERE name = ? AND active"


class Contents(BaseModel):
    """What a backup holds. A digest is a SHA-256 in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    made_at: str
    facts: int  # How many there are.
    files: int
    log_digest: str
    key_digest: str  # Empty: the key was not in a file, but in DRAAD_PEPPER.


def backup(settings: Settings, folder: Path, say: Callable[[str], None]) -> None:
    """Make it, of a log that may be at work. Raises `Refused`, and then leaves nothing."""
    path = on_one(settings)
    if folder.exists():
        raise Refused(f"{folder} is there already: name a folder that is not")
    if not Path(path).exists():
        raise Refused(f"there is no log at {path}")
    recognise(path)
    draft = folder.with_name(f"{folder.name}{PART}")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)  # It holds what residents said, and the key to their pseudonyms.
        contents = copied(path, draft)
        (draft / CONTENTS).write_text(contents.model_dump_json(indent=2))
        settle(draft)
        draft.rename(folder)
        sync(folder.parent)
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"it cannot be backed up to {folder} ({told(error)})") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    say(f"Backed up to {folder}: {contents.facts} facts and {contents.files} files, checked.")
    if not contents.key_digest:
        say("Its key is not among them, for DRAAD_PEPPER holds it: keep that too, elsewhere.")


def restore(settings: Settings, folder: Path, say: Callable[[str], None]) -> None:
    """Put it where there is no log. Raises `Refused` where something is there, or the backup is not what it was."""
    path = on_one(settings)
    places = (Path(path), key_file(path), folder_of(path))
    if found := [place for place in places if place.exists()]:
        raise Refused(f"{found[0]} is there already: move it away first, it is never overwritten")
    contents = checked(folder)
    lock = Lock(path)
    try:
        shutil.copytree(folder / FILES, places[2], copy_function=shutil.copyfile)
        places[2].chmod(0o700)
        if contents.key_digest:
            private(folder / KEY, places[1])
        private(folder / LOG, Path(f"{path}{PART}"))
        begun(f"{path}{PART}")
        settle(places[2])
        Path(f"{path}{PART}").rename(path)  # Last: before it, there is no log here.
        sync(Path(path).parent)
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"it cannot be restored to {path} ({told(error)}): remove what is there of it") from None
    finally:
        lock.release()
    say(f"Restored to {path}: {contents.facts} facts and {contents.files} files, as they were at {contents.made_at}.")
    if not contents.key_digest:
        say("Start it with the DRAAD_PEPPER that it had.")


def on_one(settings: Settings) -> str:
    if settings.path is None:
        raise Refused(ON_ONE)
    return settings.path


def copied(path: str, draft: Path) -> Contents:
    """All of it, in the order that keeps it whole: what a fact names was there before the fact."""
    made_at, log, files = stamp(utc_now()), draft / LOG, 0
    log.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(log)) as target:
        source.backup(target)  # In one look, which holds up nobody who writes.
        target.execute("PRAGMA journal_mode = DELETE")
    (draft / FILES).mkdir()
    for place in files_in(folder_of(path)):
        into = draft / FILES / place.name[:2]
        into.mkdir(exist_ok=True)
        shutil.copyfile(place, into / place.name)
        files += 1
    key = key_file(path)
    if key.exists():
        private(key, draft / KEY)
    contents = Contents(
        made_at=made_at,
        facts=facts_in(log),
        files=files,
        log_digest=digest(log),
        key_digest=digest(draft / KEY) if key.exists() else "",
    )
    look_at(draft, contents)
    return contents


def begun(path: str) -> None:
    """What its courier was to send may have been sent since: that has to be asked before anything else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute(ASKED, (courier.NAME, MessageRequested.type))
        db.execute(PASSED, (courier.NAME,))
        db.execute("COMMIT")


def checked(folder: Path) -> Contents:
    """What it holds, if it is all there. Raises `Refused`."""
    try:
        contents = Contents.model_validate_json((folder / CONTENTS).read_bytes())
    except (OSError, ValidationError):
        raise Refused(f"{folder} is no backup of Draad") from None
    try:
        look_at(folder, contents)
    except (OSError, sqlite3.Error):
        raise Refused(DAMAGED) from None
    return contents


def look_at(folder: Path, contents: Contents) -> None:
    """Whether all of it is as it was written, and the log is whole. Raises `Refused`."""
    files = list(files_in(folder / FILES))
    well = digest(folder / LOG) == contents.log_digest and len(files) == contents.files
    well = well and facts_in(folder / LOG) == contents.facts
    well = well and all(digest(place) == place.name for place in files)
    if contents.key_digest:
        well = well and digest(folder / KEY) == contents.key_digest
        kept(folder / KEY, facts=True)
    if not well:
        raise Refused(DAMAGED)


def facts_in(log: Path) -> int:
    """How many facts there are. Raises `Refused` where the file is not whole."""
    recognise(str(log))
    with closing(sqlite3.connect(f"{log.absolute().as_uri()}?mode=ro", uri=True)) as db:
        if db.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
            raise Refused(DAMAGED)
        [(facts,)] = db.execute("SELECT count(*) FROM log")
        return int(facts)


def files_in(folder: Path) -> Iterator[Path]:
    """Files that are whole: drafts are not, and nobody was told of them."""
    for place in sorted(folder.glob("*/*")):
        if place.parent.name != DRAFTS and NAME.fullmatch(place.name):
            yield place


def private(source: Path, target: Path) -> None:
    """A copy for its owner only."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
        with source.open("rb") as read:
            shutil.copyfileobj(read, copy, CHUNK_BYTES)
        copy.flush()
        os.fsync(copy.fileno())


def settle(folder: Path) -> None:
    """All that stands in it is on the disk."""
    for place in folder.rglob("*"):
        sync(place)
    sync(folder)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def told(error: OSError | sqlite3.Error) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
