"""What Alembic runs around the migrations: in the transaction that `migration.py` has opened."""

from alembic import context

from keywright.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite's is, since `engine.py` begins transactions itself
)
with context.begin_transaction():
    context.run_migrations()
