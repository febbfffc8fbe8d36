"""The environment of Alembic: migrates the connection in its configuration."""

from alembic import context

from gateway.store.tables.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
