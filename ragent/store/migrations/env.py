"""Alembic's entry: runs migrations on the connection that `ragent.store.database` hands over."""

from alembic import context

from ragent.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
