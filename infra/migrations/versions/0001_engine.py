"""The engine's first tables. Frozen: later changes are later revisions, never edits of this one."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Position = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the log, what is known of every task, and what stands beside them."""
    logs()
    tasks()
    asides()


def logs() -> None:
    op.create_table(
        "log",
        sa.Column("position", Position, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("time", sa.String(27), nullable=False),
        sa.Column("cause", sa.String(36), nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
    )
    op.create_table(
        "seen",
        sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.LargeBinary(16), primary_key=True),
        sqlite_with_rowid=False,
    )


def tasks() -> None:
    op.create_table(
        "task",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("position", Position, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.create_table(
        "state",
        sa.Column("task", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.UniqueConstraint("task", "subject", name="state_key"),
    )
    op.create_table(
        "timer",
        sa.Column("task", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("due", sa.String(27), nullable=False),
        sa.Column("cause", sa.String(36), nullable=False),
        sa.Column("fired", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("timer_due", "timer", ["task", "fired", "due"])


def asides() -> None:
    op.create_table(
        "parked",
        sa.Column("task", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", Position, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("parked_subject", "parked", ["task", "subject", "position"])
    op.create_table(
        "redrive",
        sa.Column("task", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lent",
        sa.Column("task", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", Position, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
