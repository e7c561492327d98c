"""How Alembic reaches our tables: over the connection that `engine.tables.upgrade` hands it."""

from alembic import context

from engine.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
