"""Who there is besides keys, what they may spend, and how it is shared out among processes."""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


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
    _fill()


def _create_escrow() -> None:
    op.execute("INSERT INTO counters (name, value) VALUES ('recall', 1)")
    op.create_table("holders", _name("id"), sa.Column("beat_s", sa.BigInteger, nullable=False))
    op.create_table(
        "accounts",
        _name("id"),
        sa.Column("settled", sa.Text, nullable=False),
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
