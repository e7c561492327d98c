"""The engine's tables, described once, for SQLite and for PostgreSQL. Alembic brings a database up to them."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    quoted_name,
)
from sqlalchemy.types import TypeEngine

from schemas.errors import Refused

VIEWS_MAX: Final = 500
MIGRATIONS: Final = Path(__file__).parent.parent / "infra" / "migrations"

metadata: Final = MetaData()
Position = BigInteger().with_variant(Integer, "sqlite")  # Only an INTEGER key is SQLite's own row number.


def table(name: str, *parts: Any, rowid: bool = False) -> Table:  # noqa: ANN401  # Columns and constraints.
    """A table whose rows lie in the order of its key, unless `rowid` keeps them in the order of writing."""
    return Table(name, metadata, *parts, sqlite_with_rowid=rowid, sqlite_strict=False)


log: Final = table(
    "log",
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("time", String(27), nullable=False),
    Column("cause", String(36), nullable=False),
    Column("depth", Integer, nullable=False),
    rowid=True,
)
# Facts from outside, to know a repeat. Filed by chunk of the log, so that writing touches few pages.
seen: Final = table(
    "seen",
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("id", LargeBinary(16), primary_key=True),
)
task: Final = table(
    "task",
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("position", Position, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("token", Integer, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", Float, nullable=False),
    # What follows is for a log of many partitions only.
    Column("partition", Text, nullable=False, server_default=""),
    Column("view", Integer, nullable=False, server_default="0"),  # The number that all tasks of one read model share.
    Column("sent", Position, nullable=False, server_default="0"),  # How many events it has written, as an origin.
    Column("heard", Text, nullable=False, server_default="{}"),  # Per origin the last sequence it has read.
    rowid=True,
)
# In the order of writing: the states of recent subjects lie together, and only a new subject touches the index.
state: Final = table(
    "state",
    Column("task", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("task", "subject", name="state_key"),
    rowid=True,
)
timer: Final = table(
    "timer",
    Column("task", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("due", String(27), nullable=False),
    Column("cause", String(36), nullable=False),
    Column("fired", Boolean, nullable=False),
    Index("timer_due", "task", "fired", "due"),
)
parked: Final = table(
    "parked",
    Column("task", Integer, primary_key=True, autoincrement=False),
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("told", Boolean, nullable=False),
    Index("parked_subject", "task", "subject", "position"),
)
redrive: Final = table(
    "redrive",
    Column("task", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, primary_key=True),
)
lent: Final = table(
    "lent",
    Column("task", Integer, primary_key=True, autoincrement=False),
    Column("position", Position, primary_key=True, autoincrement=False),
)

# Written with the batch, produced to Kafka after it, in order of sequence; what was produced is deleted.
outbox: Final = table(
    "outbox",
    Column("origin", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Position, primary_key=True, autoincrement=False),
    Column("partition", Text, nullable=False),
    Column("id", String(36), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("time", String(27), nullable=False),
    Column("cause", String(36), nullable=False),
    Column("depth", Integer, nullable=False),
)
# Facts from outside, to know a repeat, and the day on which they came.
fact: Final = table(
    "fact",
    Column("id", Uuid, primary_key=True),
    Column("day", Integer, nullable=False),
)
# Who is alive, and which parts it runs.
worker: Final = table(
    "worker",
    Column("holder", String(32), primary_key=True),
    Column("part", Text, primary_key=True),
    Column("until", Float, nullable=False),
)
# Whose database this is, and how its topics were when they were first used: their partitions are for ever.
topic: Final = table(
    "topic",
    Column("name", Text, primary_key=True),
    Column("partitions", Integer, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("id", Text, nullable=False, server_default=""),  # As Kafka itself calls it; empty where nobody asked yet.
)
# Files by their SHA-256, in pieces. On one machine they lie beside the log instead.
blob: Final = table(
    "blob",
    Column("digest", LargeBinary(32), primary_key=True),
    Column("nth", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring a database up to these tables. Raises `Refused` where a newer Draad has been here."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    here = MigrationContext.configure(connection).get_current_revision()
    if here == scripts.get_current_head():
        return
    try:
        if here is not None:
            scripts.get_revision(here)
    except (CommandError, ResolutionError):
        raise Refused("the log was written by a newer Draad: install that version, or restore a backup") from None
    command.upgrade(config, revision)


def by_bytes(kind: String) -> TypeEngine[str]:
    """Sorted and compared alike everywhere: PostgreSQL would go by the language of its machine.

    It would also look through all of a table, rather than into an index, for what is compared in two ways.
    """
    return kind.with_variant(type(kind)(kind.length, collation="C"), "postgresql")


@lru_cache(VIEWS_MAX)
def view_of(described: Table, number: int) -> Table:
    """The physical table of a read model: one per task, so that a rebuild fills its own beside the running one."""
    view = described.to_metadata(MetaData(), name=f"view_{described.name}_{number}")
    for column in view.columns:
        if isinstance(column.type, String):
            column.type = by_bytes(column.type)
    for index in view.indexes:  # Their names, too, are the whole database's.
        index.name = quoted_name(f"{index.name}_{number}", quote=None)
    return view
