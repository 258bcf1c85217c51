"""The database as the rest of Keywright sees it: nouns in, nouns out, StoreError when it cannot."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.core.identity import Key
from keywright.core.secret import Secret
from keywright.store import entries as entry_rows
from keywright.store import keys as key_rows
from keywright.store.database import Database
from keywright.store.escrow import EscrowRows, settle
from keywright.store.schema import META
from keywright.store.usage import Dimension, UsageQuery, UsageRow, select_usage


class Store:
    """One database, opened. Every method raises StoreError, which says what is wrong and what to do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.address = database.address
        self.escrow = EscrowRows(database)
        self._read = database.read
        self._write = database.write

    @classmethod
    async def open(cls, url: str, password: Secret | None = None) -> "Store":
        """The database at `url`, at the newest revision. A SQLite file is created if there is none.

        `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for one in memory;
        `postgresql://user@host[:port]/database`, whose server may want a `password`.

        Raises:
            StoreError: the URL is wrong; the database cannot be opened, read or written; a newer version wrote it.
        """
        return cls(await Database.open(url, password))

    async def close(self) -> None:
        """Close every connection, after what runs has ended. Who asks afterwards opens one again."""
        await self.database.close()

    async def add_key(self, key: Key) -> None:
        """Keep `key`. One with its id or digest may not exist."""

        def add(connection: Connection) -> None:
            try:
                key_rows.insert_key(connection, key)
            except IntegrityError as error:
                raise StoreError(f"a key with the id {key.id!r}, or with the same secret, exists already") from error

        await self._write(add)

    async def keys(self) -> tuple[Key, ...]:
        """Every key, revoked ones included, the oldest first."""
        return await self._read(key_rows.select_keys)

    async def key(self, id: str) -> Key | None:  # noqa: A002 - the noun's own name for it
        """The key with that id."""
        return await self._read(lambda connection: key_rows.select_key(connection, id))

    async def revoke_key(self, id: str, now_s: int) -> Key | None:  # noqa: A002
        """The key with that id, revoked at `now_s`, or earlier if it already was. None: there is no such key."""
        return await self._write(lambda connection: key_rows.revoke(connection, id, now_s))

    async def version(self) -> int:
        """A number that grows when a key or other content of a gateway's snapshot was changed, by whatever process."""
        return await self._read(key_rows.select_version)

    async def meta(self, name: str) -> str | None:
        """The value kept under `name`."""
        return await self._read(lambda connection: _meta(connection, name))

    async def set_meta_if_absent(self, name: str, value: str) -> bool:
        """Keep `value` under `name`, unless there is one. Returns whether it was kept: never two are told so."""
        return await self._write(lambda connection: _set_meta_if_absent(connection, name, value))

    async def add_first_key(self, name: str, key: Key) -> bool:
        """Keep `key` and, under `name`, its id, both or neither, unless there is a value under `name`.

        Returns whether they were kept: of several processes that start at once, one makes the first key.
        """

        def add(connection: Connection) -> bool:
            if not _set_meta_if_absent(connection, name, key.id):
                return False
            key_rows.insert_key(connection, key)
            return True

        return await self._write(add)

    async def write_entries(self, entries: Sequence[Entry], holder: str = "") -> int:
        """Keep `entries`, roll them up and bring their costs to their budgets, all or none. An id that is kept already
        is passed over. `holder`: whose leases they were reserved from.

        Returns how many were new. Amounts beyond 2⁶³-1 are kept as that.
        """

        def write(connection: Connection) -> int:
            new = entry_rows.insert_new(connection, entries)
            settle(connection, new, holder)
            return len(new)

        return await self.database.write_beside(write)

    async def release(self, holder: str) -> None:
        """All that the holder ever wrote is kept: what is left of its leases returns."""
        await self.escrow.release(holder)

    async def entry(self, id: str) -> Entry | None:  # noqa: A002
        """The entry with that id, with every field that was written."""
        return await self._read(lambda connection: entry_rows.select_entry(connection, id))

    async def usage(self, by: tuple[Dimension, ...], since_s: int, until_s: int) -> tuple[UsageRow, ...]:
        """Usage of the calls that started in [since_s, until_s), Unix seconds, one row per group, sorted.

        Exact whatever the amounts. By no dimension: one row, or none when there were no calls.
        """
        return await self._read(lambda connection: select_usage(connection, UsageQuery(by, since_s, until_s)))


def _set_meta_if_absent(connection: Connection, name: str, value: str) -> bool:
    if _meta(connection, name) is not None:
        return False
    connection.execute(insert(META).values(name=name, value=value))
    key_rows.count_change(connection)
    return True


def _meta(connection: Connection, name: str) -> str | None:
    return (connection.execute(select(META.c.value).where(META.c.name == name))).scalar()
