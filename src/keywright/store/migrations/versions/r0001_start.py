"""The first tables: names and values, counters, keys, entries, usage by the hour.

On PostgreSQL the entries are partitioned by their start, so that old months can be dropped (see `partitions.py`). What
it is partitioned by must be part of the primary key there; an id embeds its start, so it is unique all the same.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "meta",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "snapshot", "value": 1}])
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("revoked_s", sa.BigInteger),
        sa.Column("document", sa.Text, nullable=False),
    )
    _create_entries()
    _create_usage_hours()


def _create_entries() -> None:
    is_partitioned = op.get_context().dialect.name == "postgresql"
    op.create_table(
        "entries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started_us", sa.BigInteger, primary_key=is_partitioned, autoincrement=False, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("served", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_picodollars", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        postgresql_partition_by="RANGE (started_us)",
    )
    if is_partitioned:
        op.execute("CREATE TABLE entries_default PARTITION OF entries DEFAULT")
    op.create_index("entries_started", "entries", ["started_us"])
    op.create_index("entries_key", "entries", ["key_id", "started_us"])
    op.create_index("entries_credential", "entries", ["credential", "started_us"])


def _create_usage_hours() -> None:
    amounts = ("input_tokens", "output_tokens", "cost_picodollars")
    op.create_table(
        "usage_hours",
        sa.Column("hour_s", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("project", "key_id", "provider", "served")),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("ok", sa.BigInteger, nullable=False),
        *(
            sa.Column(f"{amount}_{half}", sa.BigInteger, nullable=False)
            for amount in amounts
            for half in ("high", "low")
        ),
    )
