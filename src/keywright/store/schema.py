"""The tables, as the newest migration leaves them. Types are those that SQLite and PostgreSQL share.

Columns are what is asked for; the rest of a key or an entry is one JSON document, so that a new field of the noun costs
no migration. Money and tokens of a roll-up are kept as two sums (`wide.py`), since one would outgrow 64 bits.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

REVISION: Final = "0001"
"""The newest migration: what a database has to be at."""

METADATA: Final = MetaData()

META: Final = Table(
    "meta",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

COUNTERS: Final = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

KEYS: Final = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("created_s", BigInteger, nullable=False),
    Column("revoked_s", BigInteger),
    Column("document", Text, nullable=False),
)

ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("started_us", BigInteger, nullable=False),
    Column("project", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("served", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_picodollars", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("entries_started", "started_us"),
    Index("entries_key", "key_id", "started_us"),
    Index("entries_credential", "credential", "started_us"),
)

USAGE_HOURS: Final = Table(
    "usage_hours",
    METADATA,
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False),
    Column("project", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("served", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("ok", BigInteger, nullable=False),
    Column("input_tokens_high", BigInteger, nullable=False),
    Column("input_tokens_low", BigInteger, nullable=False),
    Column("output_tokens_high", BigInteger, nullable=False),
    Column("output_tokens_low", BigInteger, nullable=False),
    Column("cost_picodollars_high", BigInteger, nullable=False),
    Column("cost_picodollars_low", BigInteger, nullable=False),
)
