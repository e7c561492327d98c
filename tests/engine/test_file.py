"""Bad input under the log: each "no" is one sentence that says what to do, and nothing is written."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from engine import file, sqlite
from engine.engine import Engine, open_engine
from engine.sqlite import SqliteStore
from engine.tables import metadata
from schemas.contact import ContactReceived
from schemas.errors import DraadError, Refused, Unavailable
from schemas.event import fact

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOBODY = 65534
ROOT = Path(__file__).parent.parent.parent
FACTS = [
    fact(ContactReceived(at=MONDAY, contact_id=f"c{n}", address_id="a", channel="mail", text="x" * 500), key=str(n))
    for n in range(200)
]
MORE = [
    fact(ContactReceived(at=MONDAY, contact_id=f"m{n}", address_id="a", channel="phone"), key=f"m{n}") for n in range(3)
]
WAIT_S = 30


def clock() -> datetime:
    return MONDAY


async def a_log(path: Path) -> None:
    async with open_engine(f"sqlite:///{path}") as engine:
        await engine.append(*FACTS)


async def refusal(path: Path, kind: type[DraadError] = Refused, *, beside: bool = False) -> str:
    """The one sentence with which a file is refused, while the file and its folder stay as they were."""
    before = contents(path.parent)
    with pytest.raises(kind) as found:
        await SqliteStore.open(str(path), clock, beside=beside)
    assert contents(path.parent) == before
    sentence = str(found.value)
    assert len(sentence.splitlines()) == 1
    assert len(sentence) < 100 + len(str(path))
    return sentence.replace(str(path), "PATH")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything in it but our own lock, which is empty."""
    return {
        found.name: None if found.is_dir() else found.read_bytes()
        for found in folder.iterdir()
        if found.suffix != ".lock"
    }


async def test_a_file_from_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "draad.db"
    await a_log(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.commit()
    db.close()
    assert await refusal(path) == "the log was written by a newer Draad: install that version, or restore a backup"


@pytest.mark.parametrize("content", [b"Dear council,\n", b"\x00" * 5000, b"SQLite format 3\x00 and then no more"])
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(content)
    assert await refusal(path) == "PATH is not a log of Draad: choose another file"


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE log (position INTEGER)")
    db.close()
    assert await refusal(path) == "PATH is not a log of Draad: choose another file"


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "folder.db"
    path.mkdir()
    assert await refusal(path) == "cannot read PATH (Is a directory)"


async def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Refused, match=r"cannot write in the folder of .* choose another"):
        await SqliteStore.open(str(tmp_path / "file" / "draad.db"), clock)


@contextmanager
def another_process(path: Path) -> Iterator[None]:
    """Draad at work on this file, elsewhere."""
    program = (
        "import asyncio, sys\n"
        "from engine.engine import open_engine\n"
        "async def main():\n"
        "    async with open_engine(sys.argv[1]) as engine:\n"
        "        print('open', flush=True)\n"
        "        await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, f"sqlite:///{path}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "open\n"
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(30) == 0


async def test_a_file_in_use_by_another_process_is_refused_until_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "draad.db"
    with another_process(path):
        assert await refusal(path) == "PATH is in use by another Draad: stop that one, or choose another file"
    await a_log(path)


async def test_beside_another_process_one_can_look_and_leave_facts_which_that_one_takes_up_once(tmp_path: Path) -> None:
    path = tmp_path / "draad.db"
    await a_log(path)
    with another_process(path):
        engine = Engine(await SqliteStore.open(str(path), clock, beside=True), clock=clock)
        assert [e.id for e in await engine.read(limit=1000)] == [e.id for e in FACTS]
        assert await engine.redrive("intake") == 0
        for _ in range(2):
            await engine.append(FACTS[0], MORE[1], MORE[0])
        assert [e.id for e in await engine.read(limit=1000)] == [e.id for e in (*FACTS, MORE[1], MORE[0])]
        await engine.close()


async def test_what_was_left_while_nobody_took_it_up_is_kept_for_who_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "draad.db"
    await a_log(path)
    monkeypatch.setattr(sqlite, "TAKEN_S_MAX", 0.1)
    engine = Engine(await SqliteStore.open(str(path), clock, beside=True), clock=clock)
    for some in (MORE[:2], MORE):
        with pytest.raises(Unavailable, match="kept, but nobody has taken it up"):
            await engine.append(*some)
    await engine.close()
    async with asyncio.timeout(WAIT_S), open_engine(f"sqlite:///{path}") as engine:
        mark = engine.store.mark()  # Asked first: what is written while we read is not waited for.
        while len(found := await engine.read(limit=1000)) < len(FACTS) + len(MORE):
            await engine.store.moved(mark, WAIT_S)
            mark = engine.store.mark()
        assert [e.id for e in found] == [e.id for e in (*FACTS, *MORE)]


async def test_there_is_nothing_to_look_at_beside_a_file_that_is_not_there(tmp_path: Path) -> None:
    sentence = await refusal(tmp_path / "draad.db", beside=True)
    assert sentence == "there is no log at PATH: start Draad on it first, or name the right file"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write anywhere, so be somebody else for a while."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.fixture
def locked_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which everybody may look and nobody may write."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o700)


async def test_a_folder_that_is_read_only_is_refused(locked_folder: Path) -> None:
    path = locked_folder / "draad.db"
    with as_nobody(), pytest.raises(Refused) as found:
        await SqliteStore.open(str(path), clock)
    assert str(found.value) == f"cannot write in the folder of {path} (Permission denied): choose another"
    assert contents(locked_folder) == {}


@pytest.mark.parametrize("left", [0.6, 0.1])
async def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, left: float) -> None:
    path = tmp_path / "draad.db"
    await a_log(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * left)])
    with pytest.raises(Refused) as found:
        await SqliteStore.open(str(path), clock)
    assert "is the file damaged?" in str(found.value)


async def test_a_file_that_is_damaged_in_the_middle_says_so_wherever_it_shows(tmp_path: Path) -> None:
    whole = tmp_path / "whole.db"
    await a_log(whole)
    pages, said = whole.stat().st_size // 4096, set[str]()
    for page in range(1, pages):
        path = tmp_path / f"{page}.db"
        shutil.copy(whole, path)
        with path.open("r+b") as damaged:
            damaged.seek(page * 4096)
            damaged.write(b"\xa5" * 4096)
        said.add(await complaint(path))
    assert len(said) > 2
    for sentence in said:
        assert any(known in sentence for known in ("damaged?", "the disk failed", "cannot be read", "nothing"))


@pytest.mark.parametrize("row", [(None, None), (1, None), (None, b"x" * 16), ("one", b"x" * 16), (1, "id")])
async def test_a_torn_write_that_left_an_id_that_is_none_is_a_damaged_file(tmp_path: Path, row: tuple[object]) -> None:
    """As a disk without power left it, that had not synced: SQLite finds nothing wrong with it."""
    path = tmp_path / "torn.db"
    await a_log(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE seen")
        db.execute("CREATE TABLE seen (chunk, id)")
        db.execute("INSERT INTO seen VALUES (?, ?)", row)
    assert "is the file damaged?" in await refusal(path)


async def complaint(path: Path) -> str:
    """What is said, at the latest when all of it is looked at."""
    try:
        store = await SqliteStore.open(str(path), clock)
    except (Refused, Unavailable) as error:
        return str(error)
    try:
        await store.append(FACTS)
        await store.read(0, 1000, "")
        await store.standings(MONDAY)
    except Unavailable as error:
        return str(error)
    finally:
        await store.close()
    return "nothing: nobody looked there"


async def test_a_disk_that_is_nearly_full_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "FREE_BYTES_MIN", 2**62)
    assert (await refusal(tmp_path / "draad.db")).startswith("only ")


@pytest.mark.parametrize("url", ["", "sqlite:", "sqlite://", "sqlite:///", "sqlite://host/x", "redis://x", "log.db"])
async def test_an_address_that_names_no_engine_is_refused(url: str) -> None:
    with pytest.raises(Refused, match=r"^the log's address is memory:, sqlite:///path"):
        async with open_engine(url):
            pass


async def test_every_commit_reaches_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    store = await SqliteStore.open(str(tmp_path / "draad.db"), clock)
    settings = {
        name: store._writing.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2}
    await store.close()


async def test_the_migrations_make_the_tables_that_are_described(tmp_path: Path) -> None:
    path = tmp_path / "draad.db"
    await a_log(path)
    database = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        tables = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
        made = {str(row.name): str(row.sql) for row in tables}
    for table in metadata.tables.values():
        assert ("WITHOUT ROWID" in made[table.name]) == (not table.dialect_options["sqlite"]["with_rowid"])


async def test_a_file_is_opened_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "draad.db"
    for _ in range(3):
        await a_log(path)
    async with open_engine(f"sqlite:///{path}") as engine:
        assert len(await engine.read(limit=1000)) == len(FACTS)


async def test_what_residents_said_is_for_the_one_who_runs_draad(tmp_path: Path) -> None:
    store = await SqliteStore.open(str(tmp_path / "draad.db"), clock)
    await store.append(FACTS)
    kept = modes(tmp_path)
    assert kept == [0o600] * len(kept)
    assert len(kept) > 1, "the write-ahead log is there too"
    await store.close()


def modes(folder: Path) -> list[int]:
    """Who may do what with each file that holds something."""
    return [path.stat().st_mode & 0o777 for path in folder.iterdir() if path.stat().st_size]
