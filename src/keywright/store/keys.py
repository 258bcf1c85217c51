"""Issued keys: rows of `keys`, and the counter that says they changed."""

from ipaddress import ip_network
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from keywright.core.budget import Subject
from keywright.core.errors import StoreError
from keywright.core.identity import Key
from keywright.store.bell import WHEN, Channel, ring
from keywright.store.schema import COUNTERS, KEYS

SNAPSHOT: Final[Channel] = "snapshot"
"""The counter that grows with every change of what a running gateway keeps in memory."""

_Document: Final = msgspec.defstruct(
    "_Document",
    [
        (field.name, tuple[str, ...] if field.name == "cidrs" else field.type, field.default)
        for field in msgspec.structs.fields(Key)
        if field.name not in ("sha256", "revoked_s")
    ],
)
"""A key as JSON: without the fields that are columns, and with networks as text, which msgspec cannot tell apart."""

_decode: Final = msgspec.json.Decoder(_Document).decode
_SELECT: Final = select(KEYS.c.id, KEYS.c.document, KEYS.c.sha256, KEYS.c.revoked_s)


def insert_key(connection: Connection, key: Key) -> None:
    """Keep `key`. An id or digest that exists already is the database's IntegrityError."""
    changed = count_change(connection)
    connection.execute(
        insert(KEYS).values(
            id=key.id,
            sha256=key.sha256,
            created_s=key.created_s,
            revoked_s=key.revoked_s,
            changed=changed,
            project=key.project,
            owner=owner_of(key),
            parent=key.parent or "",
            document=_encoded(key),
        )
    )


def replace_key(connection: Connection, key: Key) -> None:
    """Keep `key` in place of the one with its id."""
    changed = count_change(connection)
    connection.execute(
        update(KEYS)
        .where(KEYS.c.id == key.id)
        .values(sha256=key.sha256, revoked_s=key.revoked_s, changed=changed, document=_encoded(key))
    )


def owner_of(key: Key) -> str:
    """Whom `key` belongs to, as a subject: `user:ann`; "" when it belongs to nobody."""
    return str(Subject(key.owner_kind, key.owner)) if key.owner else ""


def select_keys(connection: Connection) -> tuple[Key, ...]:
    """Every key, the oldest first."""
    rows = connection.execute(_SELECT.order_by(KEYS.c.created_s, KEYS.c.id))
    return tuple(_key(row) for row in rows)


def select_changed(connection: Connection, since: int) -> tuple[Key, ...]:
    """The keys that were made or changed after the counter had the value `since`."""
    return tuple(_key(row) for row in connection.execute(_SELECT.where(KEYS.c.changed > since)))


def select_where(connection: Connection, *where: ColumnElement[bool], limit: int | None = None) -> tuple[Key, ...]:
    """Up to `limit` of the keys that `where` chooses, the oldest first."""
    rows = connection.execute(_SELECT.where(*where).order_by(KEYS.c.created_s, KEYS.c.id).limit(limit))
    return tuple(_key(row) for row in rows)


def select_key(connection: Connection, key_id: str) -> Key | None:
    """The key with that id."""
    row = (connection.execute(_SELECT.where(KEYS.c.id == key_id))).first()
    return None if row is None else _key(row)


def revoke(connection: Connection, key_id: str, now_s: int) -> Key | None:
    """The key, revoked: at `now_s`, or earlier if it was already."""
    key = select_key(connection, key_id)
    if key is None or key.revoked_s is not None:
        return key
    revoked = msgspec.structs.replace(key, revoked_s=now_s, version=key.version + 1)
    replace_key(connection, revoked)
    return revoked


def count_change(connection: Connection) -> int:
    """Say, in this transaction, that something changed which gateways keep in memory. Returns the counter's value.

    The row stays locked until the transaction ends: who sees a value has seen all changes below it.
    """
    return ring(connection, SNAPSHOT)


def select_version(connection: Connection) -> int:
    """The counter of those changes."""
    return int((connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == SNAPSHOT))).scalar_one())


def when_changed(connection: Connection) -> int:
    """When the last of them was, Unix microseconds by the database's clock; 0 if none was."""
    return int((connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == SNAPSHOT + WHEN))).scalar_one())


def _encoded(key: Key) -> str:
    return msgspec.json.encode(key, enc_hook=str).decode()


def _key(row: Row[Any, Any, Any, Any]) -> Key:
    try:
        fields = msgspec.structs.asdict(_decode(row.document))
        fields["cidrs"] = tuple(ip_network(cidr) for cidr in fields["cidrs"])
    except ValueError as error:  # msgspec's too
        raise StoreError(f"the key {row.id!r} in the database is not one of this version: restore a backup") from error
    return Key(**fields, sha256=row.sha256, revoked_s=row.revoked_s)
