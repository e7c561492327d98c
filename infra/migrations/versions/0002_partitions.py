"""A log of many partitions: what is sent, what is heard, and by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Position = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("task", sa.Column("partition", sa.Text, nullable=False, server_default=""))
    op.add_column("task", sa.Column("view", sa.Integer, nullable=False, server_default="0"))
    op.add_column("task", sa.Column("sent", Position, nullable=False, server_default="0"))
    op.add_column("task", sa.Column("heard", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "outbox",
        sa.Column("origin", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", Position, primary_key=True, autoincrement=False),
        sa.Column("partition", sa.Text, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("time", sa.String(27), nullable=False),
        sa.Column("cause", sa.String(36), nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fact",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "worker",
        sa.Column("holder", sa.String(32), primary_key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("until", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "topic",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("partitions", sa.Integer, nullable=False),
        sa.Column("cluster", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
