"""What Kafka itself calls a topic: one that was deleted and made anew has the same name."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("topic", sa.Column("id", sa.Text, nullable=False, server_default=""))
