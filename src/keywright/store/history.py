"""The ledger's entries in the order in which the calls were made, a batch at a time: to go through all of a span."""

from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import Connection, and_, or_, select

from keywright.core.entry import Entry
from keywright.store.database import Database
from keywright.store.entries import entry_of
from keywright.store.schema import ENTRIES

BATCH: Final = 2_000


class History:
    """The calls of one database, up to `calls_max` in a batch. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database, calls_max: int = BATCH) -> None:
        self._read = database.read
        self._calls_max = calls_max

    async def batches(self, since_us: int, until_us: int) -> AsyncIterator[tuple[Entry, ...]]:
        """All calls that started in [since_us, until_us), Unix microseconds, the oldest first.

        Each batch is a transaction of its own, so nobody waits for the whole; what is recorded meanwhile is found if it
        lies behind what was given already.
        """
        last = (since_us, "")
        while True:
            after = last

            def look(connection: Connection, after: tuple[int, str] = after) -> tuple[Entry, ...]:
                return _batch(connection, after, until_us, self._calls_max)

            found = await self._read(look)
            if found:
                yield found
                last = (found[-1].started_us, found[-1].id)
            if len(found) < self._calls_max:
                return


def _batch(connection: Connection, after: tuple[int, str], until_us: int, limit: int) -> tuple[Entry, ...]:
    columns = ENTRIES.c
    started_us, entry_id = after
    behind = or_(columns.started_us > started_us, and_(columns.started_us == started_us, columns.id > entry_id))
    chosen = select(ENTRIES).where(columns.started_us >= started_us, columns.started_us < until_us, behind)
    ordered = chosen.order_by(columns.started_us, columns.id).limit(limit)
    return tuple(entry_of(row) for row in connection.execute(ordered))
