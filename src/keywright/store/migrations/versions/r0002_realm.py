"""Who there is besides keys, what they may spend, and how it is shared out among processes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from keywright.store.groups import number
from keywright.store.rows import write_rows
from keywright.store.wide import halves

revision = "0002"
down_revision = "0001"

LEAVES = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
SUMS = ("calls", "input_tokens", LEAVES[0], LEAVES[1], "output_tokens", LEAVES[2], "cost_high", "cost_low")
FREE_ENDPOINTS = ("models", "count", "files")
HOUR_S, DAY_S = 3600, 86_400
TOKENS_MAX = 10**12
ENTRIES_AT_A_TIME = 5000


def upgrade() -> None:
    """Create the tables; what keys name becomes projects, users and service accounts."""
    op.add_column("keys", sa.Column("changed", sa.BigInteger, nullable=False, server_default="1"))
    for column in ("project", "owner", "parent"):
        op.add_column("keys", sa.Column(column, sa.Text, nullable=False, server_default=""))
        op.create_index(f"keys_{column}", "keys", [column])
    op.create_index("keys_changed", "keys", ["changed"])
    op.create_index("keys_created", "keys", ["created_s", "id"])
    op.create_table(
        "key_uses",
        _name("key_id"),
        sa.Column("last_us", sa.BigInteger, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
    )
    for table in ("projects", "users", "service_accounts"):
        op.create_table(table, _name("name"), sa.Column("document", sa.Text, nullable=False))
    op.create_table("members", _name("project"), _name("user_name"), sa.Column("role", sa.Text, nullable=False))
    for table in ("budgets", "limits"):
        op.create_table(table, _name("id"), sa.Column("document", sa.Text, nullable=False))
    _create_escrow()
    op.create_table(
        "idempotency",
        _name("actor"),
        _name("key"),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    _create_price_lists()
    _create_roll_ups()
    _fill()


def _create_escrow() -> None:
    op.execute("INSERT INTO counters (name, value) VALUES ('recall', 1), ('recall_us', 0), ('snapshot_us', 0)")
    op.create_table("holders", _name("id"), sa.Column("beat_s", sa.BigInteger, nullable=False))
    op.create_table(
        "accounts",
        _name("id"),
        sa.Column("settled", sa.Text, nullable=False),
        sa.Column("returned", sa.Text, nullable=False),
        sa.Column("recall", sa.BigInteger, nullable=False),
        sa.Column("tight_until_s", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "leases",
        _name("account_id"),
        _name("holder_id"),
        sa.Column("granted", sa.Text, nullable=False),
        sa.Column("acked", sa.BigInteger, nullable=False),
    )
    op.create_index("leases_holder", "leases", ["holder_id"])
    op.create_table(
        "account_buckets",
        _name("account_id"),
        sa.Column("bucket_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("settled", sa.Text, nullable=False),
    )
    op.create_table(
        "budget_warnings",
        _name("account_id"),
        sa.Column("threshold", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
    )


def _create_price_lists() -> None:
    op.create_table(
        "price_lists",
        _name("as_of"),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("applied_s", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_s", sa.BigInteger),
    )
    op.create_table(
        "reratings",
        _name("id"),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("at_id", sa.Text, nullable=False),
        sa.Column("undone_s", sa.BigInteger),
    )
    op.create_table(
        "rerated",
        _name("run_id"),
        _name("entry_id"),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("old_cost", sa.BigInteger, nullable=False),
        sa.Column("old_price", sa.Text, nullable=False),
        sa.Column("new_cost", sa.BigInteger, nullable=False),
        sa.Column("new_price", sa.Text, nullable=False),
    )
    op.create_index("rerated_started", "rerated", ["run_id", "started_us", "entry_id"])


def _create_roll_ups() -> None:
    for index in ("entries_started", "entries_key", "entries_credential"):
        op.drop_index(index, "entries")
    op.add_column("entries", sa.Column("address", sa.Text, nullable=False, server_default=""))
    for name in ("group_id", "tags_id", *LEAVES):
        op.add_column("entries", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    covered = ("started_us", "group_id", "tags_id", "address", *SUMS[1:-2], "cost_picodollars")
    op.create_index("entries_started", "entries", list(covered))
    texts = ("project", "key_id", "owner", "provider", "served", "requested", "credential", "outcome")
    groups = op.create_table(
        "usage_groups",
        _number("id"),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("unpriced", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    tag_sets = op.create_table("tag_sets", _number("id"), _name("tag"), sqlite_with_rowid=False)
    op.drop_table("usage_hours")
    hours = _create_roll_up("usage_hours", "hour_s", "group_id")
    _create_roll_up("usage_days", "day_s", "group_id")
    tag_days = _create_roll_up("tag_days", "day_s", "group_id", "tags_id")
    op.execute("INSERT INTO counters (name, value) VALUES ('days', 0), ('entries_kept', 0), ('maintenance', 0)")
    _Rolling(groups, tag_sets, hours, tag_days).all_entries(op.get_bind())


def _create_roll_up(table: str, *key: str) -> sa.Table:
    sums = (sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS)
    return op.create_table(table, *map(_number, key), *sums, sqlite_with_rowid=False)


class _Rolling:
    """The entries of revision 0001 (which knew neither owners nor addresses), given groups and rolled up."""

    def __init__(self, groups: sa.Table, tag_sets: sa.Table, hours: sa.Table, tag_days: sa.Table) -> None:
        self._tables = (groups, tag_sets, hours, tag_days)

    def all_entries(self, connection: sa.Connection) -> None:
        """Do it to all of them, some at a time."""
        entries = sa.text(
            "SELECT id, started_us, project, key_id, provider, served, model, credential, outcome, input_tokens,"
            " output_tokens, cost_picodollars, document FROM entries"
            " WHERE started_us > :us OR (started_us = :us AND id > :id) ORDER BY started_us, id LIMIT :many"
        )
        at = {"us": -1, "id": "", "many": ENTRIES_AT_A_TIME}
        while rows := connection.execute(entries, at).all():
            self._some(connection, rows)
            at |= {"us": rows[-1].started_us, "id": rows[-1].id}

    def _some(self, connection: sa.Connection, rows: Sequence[Any]) -> None:
        groups: dict[int, tuple[str | int, ...]] = {}
        tags: set[tuple[int, str]] = set()
        hours: dict[tuple[int, ...], list[int]] = {}
        days: dict[tuple[int, ...], list[int]] = {}
        numbered = []
        for row in rows:
            rest = json.loads(row.document)
            group = _group(row, rest)
            group_id = number(group)
            groups[group_id] = group
            tag_set = tuple(sorted({f"{name}={value}" for name, value in rest.get("tags", ())}))
            tags_id = number(tag_set) if tag_set else 0
            tags |= {(tags_id, tag) for tag in tag_set}
            sums = _sums(row, rest.get("usage", {}))
            numbered.append({"id_": row.id, "group_id": group_id, "tags_id": tags_id} | _leaves(sums))
            second = row.started_us // 10**6
            _add(hours, (second // HOUR_S * HOUR_S, group_id), sums)
            if tag_set:
                _add(days, (second // DAY_S * DAY_S, group_id, tags_id), sums)
        changed = ", ".join(f"{name} = :{name}" for name in ("group_id", "tags_id", *LEAVES))
        connection.execute(sa.text(f"UPDATE entries SET {changed} WHERE id = :id_"), numbered)  # noqa: S608 - our names
        of_groups, of_tags, of_hours, of_days = self._tables
        write_rows(connection, of_groups, [(group_id, *group) for group_id, group in groups.items()], "keep")
        write_rows(connection, of_tags, sorted(tags), "keep")
        write_rows(connection, of_hours, [(*key, *sums) for key, sums in hours.items()], "add")
        write_rows(connection, of_days, [(*key, *sums) for key, sums in days.items()], "add")


def _group(row: Any, rest: Mapping[str, Any]) -> tuple[str | int, ...]:
    requested = "" if row.outcome == "refused" else row.model
    unpriced = not rest.get("price") and row.served != "" and rest["endpoint"] not in FREE_ENDPOINTS
    texts = (row.project, row.key_id, "", row.provider, row.served, requested, row.credential, row.outcome)
    return (*texts, int(unpriced))


def _sums(row: Any, used: Mapping[str, int]) -> tuple[int, ...]:
    read = used.get("cache_read", 0) + used.get("audio_cache_read", 0)
    written = used.get("cache_write_5m", 0) + used.get("cache_write_1h", 0)
    tokens = (row.input_tokens, read, written, row.output_tokens, used.get("reasoning", 0))
    return (1, *(min(amount, TOKENS_MAX) for amount in tokens), *halves(row.cost_picodollars))


def _leaves(sums: tuple[int, ...]) -> dict[str, int]:
    return {name: amount for name, amount in zip(SUMS, sums, strict=True) if name in LEAVES}


def _add(to: dict[tuple[int, ...], list[int]], key: tuple[int, ...], sums: tuple[int, ...]) -> None:
    so_far = to.setdefault(key, [0] * len(sums))
    for place, amount in enumerate(sums):
        so_far[place] += amount


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _name(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, primary_key=True)


def _fill() -> None:
    """The default project, and whatever keys name already."""
    connection = op.get_bind()
    keys = [json.loads(row.document) for row in connection.execute(sa.text("SELECT document FROM keys"))]
    first_s = min((key["created_s"] for key in keys), default=0)
    projects = {"default": {"name": "default", "created_s": first_s}}
    projects.update((name, {"name": name, "created_s": first_s}) for name in {key["project"] for key in keys})
    users = {name: {"name": name, "created_s": first_s} for name in _owners(keys, is_user=True)}
    accounts = {
        key["owner"]: {"name": key["owner"], "project": key["project"], "created_s": first_s}
        for key in keys
        if key.get("owner") and not _is_users(key)
    }
    for table, nouns in (("projects", projects), ("users", users), ("service_accounts", accounts)):
        rows = [{"name": name, "document": json.dumps(noun)} for name, noun in sorted(nouns.items())]
        if rows:
            columns = sa.table(table, sa.column("name", sa.Text), sa.column("document", sa.Text))
            op.bulk_insert(columns, rows)
    _tell_owner_kinds(connection)


def _owners(keys: list[dict[str, str]], *, is_user: bool) -> Iterator[str]:
    return (key["owner"] for key in keys if key.get("owner") and _is_users(key) == is_user)


def _is_users(key: dict[str, str]) -> bool:
    return key["kind"] != "service"


def _tell_owner_kinds(connection: sa.Connection) -> None:
    for row in connection.execute(sa.text("SELECT id, document FROM keys")).all():
        key = json.loads(row.document)
        key["owner_kind"] = "user" if _is_users(key) else "service_account"
        owner = f"{'user' if _is_users(key) else 'service-account'}:{key['owner']}" if key.get("owner") else ""
        connection.execute(
            sa.text("UPDATE keys SET document = :document, project = :project, owner = :owner WHERE id = :id"),
            {"document": json.dumps(key), "project": key["project"], "owner": owner, "id": row.id},
        )
