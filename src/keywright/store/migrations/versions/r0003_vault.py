"""What the vault keeps: sealed secrets, what is known of credentials, and rotations."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sealed",
        _key("tenant"),
        _key("name"),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("kek", sa.Text, nullable=False),
        sa.Column("data_key", sa.LargeBinary, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
    )
    op.create_index("sealed_kek", "sealed", ["kek"])
    op.create_table(
        "credentials",
        _key("name"),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("credentials_changed", "credentials", ["changed"])
    op.create_table(
        "credential_users",
        _key("name"),
        _key("holder_id"),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
    )
    _create_rotations()


def _create_rotations() -> None:
    op.create_table(
        "rotations",
        _key("id"),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("began_s", sa.BigInteger, nullable=False),
        sa.Column("ended_s", sa.BigInteger, nullable=False),
        sa.Column("claimed_by", sa.Text, nullable=False),
        sa.Column("claimed_until_s", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("rotations_began", "rotations", ["began_s", "id"])
    op.create_index("rotations_credential", "rotations", ["credential", "ended_s"])


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)
