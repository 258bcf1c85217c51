"""Issued keys: rows of `keys`, and the counter that says they changed."""

from ipaddress import ip_network
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from keywright.core.errors import StoreError
from keywright.core.identity import Key
from keywright.store.schema import COUNTERS, KEYS

SNAPSHOT: Final = "snapshot"
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


async def insert_key(connection: AsyncConnection, key: Key) -> None:
    """Keep `key`. An id or digest that exists already is the database's IntegrityError."""
    await connection.execute(
        insert(KEYS).values(
            id=key.id,
            sha256=key.sha256,
            created_s=key.created_s,
            revoked_s=key.revoked_s,
            document=msgspec.json.encode(key, enc_hook=str).decode(),
        )
    )
    await count_change(connection)


async def select_keys(connection: AsyncConnection) -> tuple[Key, ...]:
    """Every key, the oldest first."""
    rows = await connection.execute(_SELECT.order_by(KEYS.c.created_s, KEYS.c.id))
    return tuple(_key(row) for row in rows)


async def select_key(connection: AsyncConnection, key_id: str) -> Key | None:
    """The key with that id."""
    row = (await connection.execute(_SELECT.where(KEYS.c.id == key_id))).first()
    return None if row is None else _key(row)


async def revoke(connection: AsyncConnection, key_id: str, now_s: int) -> Key | None:
    """The key, revoked: at `now_s`, or earlier if it was already."""
    done = await connection.execute(
        update(KEYS).where(KEYS.c.id == key_id, KEYS.c.revoked_s.is_(None)).values(revoked_s=now_s)
    )
    if done.rowcount:
        await count_change(connection)
    return await select_key(connection, key_id)


async def count_change(connection: AsyncConnection) -> None:
    """Say, in this transaction, that something changed which gateways keep in memory."""
    await connection.execute(update(COUNTERS).where(COUNTERS.c.name == SNAPSHOT).values(value=COUNTERS.c.value + 1))


async def select_version(connection: AsyncConnection) -> int:
    """The counter of those changes."""
    return int((await connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == SNAPSHOT))).scalar_one())


def _key(row: Row[Any, Any, Any, Any]) -> Key:
    try:
        fields = msgspec.structs.asdict(_decode(row.document))
        fields["cidrs"] = tuple(ip_network(cidr) for cidr in fields["cidrs"])
    except ValueError as error:  # msgspec's too
        raise StoreError(f"the key {row.id!r} in the database is not one of this version: restore a backup") from error
    return Key(**fields, sha256=row.sha256, revoked_s=row.revoked_s)
