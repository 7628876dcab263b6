"""Alembic's entry point: the caller hands us the connection and owns the transaction."""

from alembic import context

from warmup.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
