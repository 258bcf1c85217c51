"""How long single entries are kept. What was rolled up of them stays for ever.

The moment before which entries may be gone is the start of a day, and written down before the first is deleted: no
report looks for them any more. SQLite deletes them a few at a time, so that no writer waits long (the file does not
shrink, but what is free in it is used again); PostgreSQL drops whole months.
"""

import asyncio
from typing import Final

from sqlalchemy import Connection, delete, select, update

from keywright.store.address import PostgresAddress
from keywright.store.database import Database
from keywright.store.partitions import drop_partitions
from keywright.store.rollups import DAY_S, US_PER_S, lock_days
from keywright.store.schema import COUNTERS, ENTRIES
from keywright.store.usage import ENTRIES_KEPT

ENTRIES_AT_A_TIME: Final = 1000
PAUSE_S: Final = 0.02
"""Between two deletions: time for writers of other processes."""


async def forget_entries(database: Database, before_s: int) -> int:
    """Delete the entries that started before the day of `before_s`, as far as their days are rolled up.

    Returns how many were deleted; on PostgreSQL, how many months. What is left of a month stays until it is over.

    Raises:
        StoreError: the database cannot do it now. What was deleted already stays so.
    """
    kept_s = await database.write(lambda connection: _forget(connection, before_s // DAY_S * DAY_S))
    if isinstance(database.address, PostgresAddress):
        return len(await database.write(lambda connection: drop_partitions(connection, kept_s)))
    deleted = 0
    while some := await database.write(lambda connection: _delete_some(connection, kept_s)):
        deleted += some
        await asyncio.sleep(PAUSE_S)
    return deleted


def _forget(connection: Connection, before_s: int) -> int:
    """Say that entries before `before_s` may be gone; the moment that holds now."""
    before_s = min(before_s, lock_days(connection))
    kept = COUNTERS.c.name == ENTRIES_KEPT
    connection.execute(update(COUNTERS).where(kept, COUNTERS.c.value < before_s).values(value=before_s))
    return int(connection.execute(select(COUNTERS.c.value).where(kept)).scalar_one())


def _delete_some(connection: Connection, before_s: int) -> int:
    old = select(ENTRIES.c.id).where(ENTRIES.c.started_us < before_s * US_PER_S)
    some = old.order_by(ENTRIES.c.started_us).limit(ENTRIES_AT_A_TIME)
    return connection.execute(delete(ENTRIES).where(ENTRIES.c.id.in_(some))).rowcount
