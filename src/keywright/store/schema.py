"""The tables, as the newest migration leaves them. Types are those that SQLite and PostgreSQL share.

Columns are what is asked for; the rest of a key or an entry is one JSON document, so that a new field of the noun costs
no migration. Money of a roll-up is kept as two sums (`wide.py`), since one would outgrow 64 bits.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from keywright.store.exact import Exact

REVISION: Final = "0003"
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
    Column("changed", BigInteger, nullable=False, server_default="1"),
    Column("project", Text, nullable=False, server_default=""),
    Column("owner", Text, nullable=False, server_default=""),
    Column("parent", Text, nullable=False, server_default=""),
    Column("document", Text, nullable=False),
    Index("keys_changed", "changed"),
    Index("keys_created", "created_s", "id"),
    Index("keys_project", "project"),
    Index("keys_owner", "owner"),
    Index("keys_parent", "parent"),
)
"""`changed`: the counter `snapshot` when the row was last written. `owner`: as a subject (`user:ann`), "" for none."""

KEY_USES: Final = Table(
    "key_uses",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("last_us", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
)
"""When a key was last used, and from where."""

PROJECTS: Final = Table(
    "projects",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

USERS: Final = Table(
    "users",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

SERVICE_ACCOUNTS: Final = Table(
    "service_accounts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

MEMBERS: Final = Table(
    "members",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("role", Text, nullable=False),
)

BUDGETS: Final = Table(
    "budgets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

LIMITS: Final = Table(
    "limits",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

HOLDERS: Final = Table(
    "holders",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("beat_s", BigInteger, nullable=False),
)
"""The processes that hold leases, and when each last showed that it lives."""

ACCOUNTS: Final = Table(
    "accounts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("settled", Exact, nullable=False),
    Column("returned", Exact, nullable=False),
    Column("recall", BigInteger, nullable=False),
    Column("tight_until_s", BigInteger, nullable=False),
)
"""What is shared out in leases: a budget's period, or a limit (of which nothing is ever settled). See `escrow.py`."""

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("holder_id", Text, primary_key=True),
    Column("granted", Exact, nullable=False),
    Column("acked", BigInteger, nullable=False),
    Index("leases_holder", "holder_id"),
)

ACCOUNT_BUCKETS: Final = Table(
    "account_buckets",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("bucket_s", BigInteger, primary_key=True, autoincrement=False),
    Column("settled", Exact, nullable=False),
)
"""What was settled when, in accounts of rolling windows."""

BUDGET_WARNINGS: Final = Table(
    "budget_warnings",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("threshold", Integer, primary_key=True, autoincrement=False),
    Column("at_s", BigInteger, nullable=False),
)
"""Which thresholds a budget's period has passed, and when."""

SEALED: Final = Table(
    "sealed",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("purpose", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("kek", Text, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Index("sealed_kek", "kek"),
)
"""Secrets, encrypted, each version with a key of its own that is itself encrypted (`data_key`) by the key `kek`."""

CREDENTIALS: Final = Table(
    "credentials",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("changed", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("credentials_changed", "changed"),
)
"""What is known of providers' credentials. `changed`: the counter `snapshot` when processes last had to look again."""

CREDENTIAL_USERS: Final = Table(
    "credential_users",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder_id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("at_s", BigInteger, nullable=False),
)
"""Which key each process uses for a credential, as far as it was asked to say."""

ROTATIONS: Final = Table(
    "rotations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("credential", Text, nullable=False),
    Column("began_s", BigInteger, nullable=False),
    Column("ended_s", BigInteger, nullable=False),
    Column("claimed_by", Text, nullable=False),
    Column("claimed_until_s", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("rotations_began", "began_s", "id"),
    Index("rotations_credential", "credential", "ended_s"),
)
"""Replacements of keys. `ended_s`: 0 while one goes on; of a credential, one at a time does."""

IDEMPOTENCY: Final = Table(
    "idempotency",
    METADATA,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
)
"""Answers of the administration API, to be given again when the same request comes again."""

PRICE_LISTS: Final = Table(
    "price_lists",
    METADATA,
    Column("as_of", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("applied_s", BigInteger, nullable=False),
    Column("withdrawn_s", BigInteger),
)
"""Every catalogue that ever counted here, compressed by gzip: a ledger entry names its price by a list's date."""

RERATINGS: Final = Table(
    "reratings",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("created_s", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("at_id", Text, nullable=False),
    Column("undone_s", BigInteger),
)
"""Runs that correct recorded costs. `state`: open, done, undoing, undone. `at_us`, `at_id`: the last entry done."""

RERATED: Final = Table(
    "rerated",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("started_us", BigInteger, nullable=False),
    Column("old_cost", BigInteger, nullable=False),
    Column("old_price", Text, nullable=False),
    Column("new_cost", BigInteger, nullable=False),
    Column("new_price", Text, nullable=False),
    Index("rerated_started", "run_id", "started_us", "entry_id"),
)
"""What a run changed. Costs in picodollars, as `entries` has them."""

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
    Column("address", Text, nullable=False),
    Column("group_id", BigInteger, nullable=False),
    Column("tags_id", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cost_picodollars", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index(
        "entries_started",
        "started_us",
        "group_id",
        "tags_id",
        "address",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "cost_picodollars",
    ),
)
"""Every call. `group_id`: its row of `usage_groups`; `tags_id`: those of `tag_sets`, 0 without tags.

The index has all that a report asks, so that no report reads the documents; it grows at its end, so that it costs a
batch few pages. Who asks for one key's calls finds the key's groups, then passes over the others in the index.
"""

USAGE_GROUPS: Final = Table(
    "usage_groups",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("project", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("served", Text, nullable=False),
    Column("requested", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("unpriced", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""What calls have in common that are added up together. See `groups.py`."""

TAG_SETS: Final = Table(
    "tag_sets",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tag", Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""The tags (`name=value`) that calls have together, one row each."""

SUMS: Final = (
    "calls",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_high",
    "cost_low",
)
"""What every roll-up adds up. Input tokens include the cached ones, output tokens the reasoning."""


def _sums() -> tuple[Column[int], ...]:
    return tuple(Column(name, BigInteger, nullable=False) for name in SUMS)


USAGE_HOURS: Final = Table(
    "usage_hours",
    METADATA,
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False),
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    *_sums(),
    sqlite_with_rowid=False,
)
"""Every call, by the hour in which it started: written with the calls, kept for ever."""

USAGE_DAYS: Final = Table(
    "usage_days",
    METADATA,
    Column("day_s", BigInteger, primary_key=True, autoincrement=False),
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    *_sums(),
    sqlite_with_rowid=False,
)
"""The same by the day: of days before the counter `days`, which are over."""

TAG_DAYS: Final = Table(
    "tag_days",
    METADATA,
    Column("day_s", BigInteger, primary_key=True, autoincrement=False),
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tags_id", BigInteger, primary_key=True, autoincrement=False),
    *_sums(),
    sqlite_with_rowid=False,
)
"""The calls that have tags, by the day: written with the calls."""
