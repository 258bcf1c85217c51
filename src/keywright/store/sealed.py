"""Sealed secrets: rows of `sealed`, which nothing here can open."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, tuple_, update

from keywright.core.sealed import SELF_TEST, Purpose, Rewrapping, SealedSecret
from keywright.store.database import Database
from keywright.store.schema import SEALED

_ROWS = select(*(SEALED.c[name] for name in SealedSecret.__struct_fields__))
_REWRAP = (
    update(SEALED)
    .where(
        SEALED.c.tenant == bindparam("of_tenant"),
        SEALED.c.name == bindparam("of_name"),
        SEALED.c.version == bindparam("of_version"),
        SEALED.c.data_key == bindparam("old"),
    )
    .values(kek=bindparam("new_kek"), data_key=bindparam("new"))
)


class SealedSecrets:
    """The sealed secrets of one database, of all tenants. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._write = database.write

    async def newest(self, tenant: str, name: str) -> SealedSecret | None:
        """The version with the highest number."""
        return await self._read(lambda connection: _newest(connection, tenant, name))

    async def at(self, tenant: str, name: str, version: int) -> SealedSecret | None:
        """That version."""
        query = _ROWS.where(SEALED.c.tenant == tenant, SEALED.c.name == name, SEALED.c.version == version)
        return await self._read(lambda connection: _sealed(connection.execute(query).first()))

    async def put(self, sealed: SealedSecret, now_s: int) -> bool:
        """Keep `sealed`, and of the versions before it only the last. False, and nothing is changed: the newest there
        is not the version before it.
        """

        def insert_next(connection: Connection) -> bool:
            newest = _newest(connection, sealed.tenant, sealed.name)
            if (newest.version if newest is not None else 0) != sealed.version - 1:
                return False
            values = {name: getattr(sealed, name) for name in SealedSecret.__struct_fields__}
            connection.execute(insert(SEALED).values(**values, created_s=now_s))
            _delete_before(connection, sealed.tenant, sealed.name, sealed.version - 1)
            return True

        return await self._write(insert_next)

    async def forget_before(self, tenant: str, name: str, version: int) -> None:
        """Delete what is older than that version."""
        await self._write(lambda connection: _delete_before(connection, tenant, name, version))

    async def forget_under(self, kek: str) -> int:
        """Delete all that only the key `kek`, which is lost, could open. Returns how many rows."""
        return await self._write(
            lambda connection: connection.execute(delete(SEALED).where(SEALED.c.kek == kek)).rowcount
        )

    async def names(self, tenant: str, purpose: Purpose) -> tuple[str, ...]:
        """What is kept for `purpose`, each once, sorted."""
        query = select(SEALED.c.name).distinct().where(SEALED.c.tenant == tenant, SEALED.c.purpose == purpose)
        return await self._read(lambda connection: tuple(sorted(connection.scalars(query))))

    async def kek_uses(self, tenant: str | None = None) -> Mapping[str, int]:
        """How many rows each key encryption key has wrapped, by its id; self-tests are not counted. None: of all
        tenants.
        """
        query = select(SEALED.c.kek, func.count()).where(SEALED.c.purpose != SELF_TEST).group_by(SEALED.c.kek)
        if tenant is not None:
            query = query.where(SEALED.c.tenant == tenant)
        return await self._read(lambda connection: {kek: int(rows) for kek, rows in connection.execute(query)})

    async def not_under(self, tenant: str, kek: str, after: tuple[str, int], limit: int) -> Sequence[SealedSecret]:
        """Up to `limit` of the rows that another key than `kek` has wrapped, behind `after` by name and version;
        without self-tests.
        """
        place = (SEALED.c.name, SEALED.c.version)
        query = (
            _ROWS.where(SEALED.c.tenant == tenant, tuple_(*place) > after)
            .where(SEALED.c.kek != kek, SEALED.c.purpose != SELF_TEST)
            .order_by(*place)
            .limit(limit)
        )
        return await self._read(lambda connection: [SealedSecret(*row) for row in connection.execute(query)])

    async def rewrap(self, rewrappings: Sequence[Rewrapping]) -> None:
        """Replace each data key that is still as it was, all or none; the others stay as they are."""
        values = [
            {
                "of_tenant": one.tenant,
                "of_name": one.name,
                "of_version": one.version,
                "old": one.old,
                "new_kek": one.kek,
                "new": one.data_key,
            }
            for one in rewrappings
        ]
        if values:
            await self._write(lambda connection: _update(connection, values))


def _newest(connection: Connection, tenant: str, name: str) -> SealedSecret | None:
    query = _ROWS.where(SEALED.c.tenant == tenant, SEALED.c.name == name)
    return _sealed(connection.execute(query.order_by(SEALED.c.version.desc()).limit(1)).first())


def _sealed(row: Row[Any] | None) -> SealedSecret | None:
    return None if row is None else SealedSecret(*tuple(row))


def _delete_before(connection: Connection, tenant: str, name: str, version: int) -> None:
    connection.execute(
        delete(SEALED).where(SEALED.c.tenant == tenant, SEALED.c.name == name, SEALED.c.version < version)
    )


def _update(connection: Connection, values: Sequence[dict[str, object]]) -> None:
    connection.execute(_REWRAP, values)
