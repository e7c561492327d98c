"""Views that were made before compare text by its bytes too: PostgreSQL then uses their indexes (decision 0041)."""

from alembic import op

revision = "0005"
down_revision = "0004"

# One statement for each view: its indexes are made anew once. What has a collation of its own has this one.
OTHERWISE = """SELECT format('ALTER TABLE %I %s', c.relname, string_agg(
        format('ALTER %I TYPE %s COLLATE "C"', a.attname, format_type(a.atttypid, a.atttypmod)), ', '))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'view!_%' ESCAPE '!'
      AND a.attnum > 0 AND NOT a.attisdropped AND l.collname <> 'C'
    GROUP BY c.relname ORDER BY c.relname"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # SQLite always did.
        for (statement,) in connection.exec_driver_sql(OTHERWISE).fetchall():
            connection.exec_driver_sql(statement)
