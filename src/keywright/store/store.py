"""The database as the rest of Keywright sees it: nouns in, nouns out, StoreError when it cannot."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.core.identity import Key
from keywright.store import entries as entry_rows
from keywright.store import keys as key_rows
from keywright.store.address import Address, parsed
from keywright.store.engine import WRITE, create_file, engine_for
from keywright.store.migration import migrate
from keywright.store.schema import META
from keywright.store.trouble import explained
from keywright.store.usage import Dimension, UsageRow, select_usage


class Store:
    """One database, opened. Every method raises StoreError, which says what is wrong and what to do.

    Writes of one process take turns here; those of several wait for each other in the database.
    """

    def __init__(self, engine: AsyncEngine, address: Address) -> None:
        self.address = address
        self._engine = engine
        self._writer = engine.execution_options(**WRITE)
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> "Store":
        """The database at `url`, at the newest revision; created if there is none.

        `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for one in memory.

        Raises:
            StoreError: the URL is wrong; the file cannot be opened, read or written; a newer version wrote it.
        """
        address = parsed(url)
        create_file(address)
        engine = engine_for(address)
        try:
            with explained(address):
                await migrate(engine, address)
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine, address)

    async def close(self) -> None:
        """Close every connection. Nothing may be asked afterwards."""
        await self._engine.dispose()

    async def add_key(self, key: Key) -> None:
        """Keep `key`. One with its id or digest may not exist."""
        async with self._write() as connection:
            try:
                await key_rows.insert_key(connection, key)
            except IntegrityError as error:
                raise StoreError(f"a key with the id {key.id!r}, or with the same secret, exists already") from error

    async def keys(self) -> tuple[Key, ...]:
        """Every key, revoked ones included, the oldest first."""
        async with self._read() as connection:
            return await key_rows.select_keys(connection)

    async def key(self, id: str) -> Key | None:  # noqa: A002 - the noun's own name for it
        """The key with that id."""
        async with self._read() as connection:
            return await key_rows.select_key(connection, id)

    async def revoke_key(self, id: str, now_s: int) -> Key | None:  # noqa: A002
        """The key with that id, revoked at `now_s`, or earlier if it already was. None: there is no such key."""
        async with self._write() as connection:
            return await key_rows.revoke(connection, id, now_s)

    async def version(self) -> int:
        """A number that grows when a key or other content of a gateway's snapshot was changed, by whatever process."""
        async with self._read() as connection:
            return await key_rows.select_version(connection)

    async def meta(self, name: str) -> str | None:
        """The value kept under `name`."""
        async with self._read() as connection:
            return await _meta(connection, name)

    async def set_meta_if_absent(self, name: str, value: str) -> bool:
        """Keep `value` under `name`, unless there is one. Returns whether it was kept: never two are told so."""
        async with self._write() as connection:
            return await _set_meta_if_absent(connection, name, value)

    async def add_first_key(self, name: str, key: Key) -> bool:
        """Keep `key` and, under `name`, its id, both or neither, unless there is a value under `name`.

        Returns whether they were kept: of several processes that start at once, one makes the first key.
        """
        async with self._write() as connection:
            if not await _set_meta_if_absent(connection, name, key.id):
                return False
            await key_rows.insert_key(connection, key)
            return True

    async def write_entries(self, entries: Sequence[Entry]) -> int:
        """Keep `entries` and roll them up, all or none. An id that is kept already is passed over.

        Returns how many were new. Amounts beyond 2⁶³-1 are kept as that.
        """
        async with self._write() as connection:
            return await entry_rows.insert_new(connection, entries)

    async def entry(self, id: str) -> Entry | None:  # noqa: A002
        """The entry with that id, with every field that was written."""
        async with self._read() as connection:
            return await entry_rows.select_entry(connection, id)

    async def usage(self, by: tuple[Dimension, ...], since_s: int, until_s: int) -> tuple[UsageRow, ...]:
        """Usage of the calls that started in [since_s, until_s), Unix seconds, one row per group, sorted.

        Exact whatever the amounts. By no dimension: one row, or none when there were no calls.
        """
        async with self._read() as connection:
            return await select_usage(connection, by, since_s, until_s)

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[AsyncConnection]:
        with explained(self.address):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        with explained(self.address):
            async with self._turn, self._writer.begin() as connection:
                yield connection


async def _set_meta_if_absent(connection: AsyncConnection, name: str, value: str) -> bool:
    if await _meta(connection, name) is not None:
        return False
    await connection.execute(insert(META).values(name=name, value=value))
    await key_rows.count_change(connection)
    return True


async def _meta(connection: AsyncConnection, name: str) -> str | None:
    return (await connection.execute(select(META.c.value).where(META.c.name == name))).scalar()
