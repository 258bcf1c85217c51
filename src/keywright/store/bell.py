"""A bell that rings in every process when one has changed what others have to know soon.

Each channel has a counter in the database, which grows in the transaction that changes something. A bell looks at the
counters again and again: that is what can be relied on. On PostgreSQL the same transaction sends a notification, which
comes as it is committed and so is only faster than the next look; whether it comes through a pooler, or is lost while
the server restarts, nothing depends on it. SQLite has no such thing, and is looked at more often.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from sqlalchemy import ColumnElement, Connection, literal_column, select, text, update

from keywright.core.errors import StoreError
from keywright.store.address import PostgresAddress
from keywright.store.database import Database
from keywright.store.postgres import conninfo
from keywright.store.schema import COUNTERS

Channel: TypeAlias = Literal["snapshot", "recall"]
"""`snapshot`: something changed that gateways keep in memory. `recall`: leases are wanted back."""

CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
SQLITE_LOOK_S: Final = 0.2
POSTGRES_LOOK_S: Final = 1.0
LISTEN_AGAIN_S: Final = 1.0
"""After the connection was lost that notifications came by."""

WHEN: Final = "_us"
"""The end of the name of a counter that is no counter: when its channel last rang, Unix microseconds."""

NOTIFIED: Final = "keywright"
"""PostgreSQL's name for where our notifications go; ours is what they carry."""

_NOTIFY: Final = text(f"SELECT pg_notify('{NOTIFIED}', :told)")


def ring(connection: Connection, channel: Channel) -> int:
    """Ring every bell when this transaction is committed. Returns the counter's value.

    Its row stays locked until then: who sees a value has seen all changes below it.
    """
    _note_when(connection, channel)
    counted = update(COUNTERS).where(COUNTERS.c.name == channel).values(value=COUNTERS.c.value + 1)
    value = int(connection.execute(counted.returning(COUNTERS.c.value)).scalar_one())
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY, {"told": f"{channel} {value}"})
    return value


def _note_when(connection: Connection, channel: Channel) -> None:
    """When it last rang, by the database's own clock: how old a change is that somebody hears of."""
    now_us: ColumnElement[int] = literal_column(
        "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
        if connection.dialect.name == "postgresql"
        else "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
    )
    connection.execute(update(COUNTERS).where(COUNTERS.c.name == f"{channel}{WHEN}").values(value=now_us))


class Bell:
    """Tells one asker what rang. `looks` and `heard` count how often it looked, and how often it was notified."""

    def __init__(self, database: Database, seen: dict[str, int]) -> None:
        self.looks = 0
        self.heard = 0
        self._database = database
        self._seen = seen
        self._rang: set[Channel] = set()
        self._woken = asyncio.Event()
        self._tasks = [asyncio.create_task(self._look(), name="bell")]
        if isinstance(database.address, PostgresAddress):
            self._tasks.append(asyncio.create_task(self._listen(database.address), name="bell's notifications"))

    @classmethod
    async def open(cls, database: Database) -> "Bell":
        """A bell that rings for what is changed from now on: open it before what may change is read.

        Raises:
            StoreError: the database cannot be asked.
        """
        return cls(database, await database.read(_counters))

    async def close(self) -> None:
        """Ring no more. Close it before the database."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait(self, timeout_s: float) -> frozenset[Channel]:
        """The channels that rang since this was last asked; none when none does within `timeout_s`.

        Does not fail: while the database is away nothing rings, and afterwards what was changed meanwhile.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        self._woken.clear()
        rang, self._rang = frozenset(self._rang), set()
        return rang

    def _see(self, values: Mapping[str, int]) -> None:
        """Ring for the counters that have another value than was seen last."""
        for channel in CHANNELS:
            value = values.get(channel)
            if value is not None and value != self._seen.get(channel):
                self._seen[channel] = value
                self._rang.add(channel)
                self._woken.set()

    async def _look(self) -> None:
        look_s = POSTGRES_LOOK_S if isinstance(self._database.address, PostgresAddress) else SQLITE_LOOK_S
        while True:
            await asyncio.sleep(look_s)
            with contextlib.suppress(StoreError):  # whoever has to do with the database hears of it there
                self._see(await self._database.read(_counters))
            self.looks += 1

    async def _listen(self, address: PostgresAddress) -> None:
        from psycopg import AsyncConnection, Error  # noqa: PLC0415 - an extra, loaded when it is used

        while True:
            with contextlib.suppress(Error):
                password = self._database.password
                async with await AsyncConnection.connect(conninfo(address, password), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {NOTIFIED}")
                    async for notice in connection.notifies():
                        self._hear(notice.payload)
            await asyncio.sleep(LISTEN_AGAIN_S)

    def _hear(self, payload: str) -> None:
        channel, _, value = payload.partition(" ")
        if value.isdigit():  # anybody in the database may notify anything
            self.heard += 1
            self._see({channel: int(value)})


def _counters(connection: Connection) -> dict[str, int]:
    return {row.name: row.value for row in connection.execute(select(COUNTERS.c.name, COUNTERS.c.value))}
