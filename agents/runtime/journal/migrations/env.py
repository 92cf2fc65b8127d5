"""Alembic's entry: runs the migrations on the connection it is given."""

from alembic import context

from agents.runtime.journal.scheduling_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
