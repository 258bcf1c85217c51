"""What a database needs every hour: days that are over are rolled up, old entries deleted, months made ready.

Whoever calls it first does it; the others find it claimed, and if that one dies, it is done an hour later. Each step
is a transaction that leaves all in order, and finds nothing to do the second time.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import BigInteger, Connection, func, insert, literal, select, update

from keywright.store.database import Database
from keywright.store.partitions import keep_partitions
from keywright.store.retention import forget_entries
from keywright.store.rollups import DAY_S, close_days, lock_days
from keywright.store.schema import COUNTERS, SUMS, USAGE_DAYS, USAGE_HOURS

CLAIM: Final = "maintenance"
"""The counter until when somebody is at it, in Unix seconds."""
CLAIM_S: Final = 3000
"""How long it is nobody else's: less than the hour after which everybody asks again."""
LATE_S: Final = 600
"""How long after its end a day is rolled up: what is written later is added twice, to the hour and the day."""


class Maintained(Struct, frozen=True):
    """What was done: days rolled up; entries deleted (on PostgreSQL, whole months)."""

    days: int
    forgotten: int


async def maintain(database: Database, now_s: int, keep_days: int | None) -> Maintained | None:
    """Do what is due. `keep_days`: for how long entries are kept; None: for ever. None when another process is at it.

    Raises:
        StoreError: the database cannot do it now; it is done by whoever calls this next, an hour later.
    """
    if not await database.write(lambda connection: _claimed(connection, now_s)):
        return None
    await keep_partitions(database, now_s, None)
    days = await roll_up_days(database, now_s - LATE_S)
    if keep_days is None:
        return Maintained(days, 0)
    return Maintained(days, await forget_entries(database, now_s - keep_days * DAY_S))


async def roll_up_days(database: Database, until_s: int) -> int:
    """Roll up the days that are over at `until_s` and are not yet. Returns how many had calls.

    Raises:
        StoreError: the database cannot do it now.
    """
    end_s, days = until_s // DAY_S * DAY_S, 0
    while await database.write(lambda connection: _close_next(connection, end_s)):
        days += 1
    return days


def _claimed(connection: Connection, now_s: int) -> bool:
    claim = update(COUNTERS).where(COUNTERS.c.name == CLAIM, COUNTERS.c.value <= now_s)
    return connection.execute(claim.values(value=now_s + CLAIM_S)).rowcount == 1


def _close_next(connection: Connection, end_s: int) -> bool:
    """Roll up the next day before `end_s` that had calls. False: there is none."""
    closed_s = lock_days(connection)
    hours = (USAGE_HOURS.c.hour_s >= closed_s, USAGE_HOURS.c.hour_s < end_s)
    first_s = connection.execute(select(func.min(USAGE_HOURS.c.hour_s)).where(*hours)).scalar()
    if first_s is None:
        if closed_s < end_s:
            close_days(connection, end_s)
        return False
    day_s = int(first_s) // DAY_S * DAY_S
    of_day = (USAGE_HOURS.c.hour_s >= day_s, USAGE_HOURS.c.hour_s < day_s + DAY_S)
    sums = [func.sum(USAGE_HOURS.c[name]) for name in SUMS]
    rolled = select(literal(day_s, BigInteger), USAGE_HOURS.c.group_id, *sums).where(*of_day)
    names = ["day_s", "group_id", *SUMS]
    connection.execute(insert(USAGE_DAYS).from_select(names, rolled.group_by(USAGE_HOURS.c.group_id)))
    close_days(connection, day_s + DAY_S)
    return True
