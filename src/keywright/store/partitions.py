"""The months of the entries, each a table of its own on PostgreSQL: what is old is dropped at once, and not deleted row
by row, which would take hours and leave the space to a vacuum.

A month's partition is made before the month begins. An entry of a month that has none is not refused but kept in a
partition for all others, `entries_default`; the next upkeep gives its month a partition and moves it there. Writers
wait meanwhile: one that had chosen the default partition a moment before would be refused by it afterwards.

SQLite has no partitions: there, all of this does nothing.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, text

from keywright.store.database import Database

MONTHS_AHEAD: Final = 3
MONTHS_MAX: Final = 1200
"""That one call makes: a century."""
DEFAULT: Final = "entries_default"

_US_PER_S: Final = 10**6

_PARTITIONS: Final = text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'entries'::regclass"
)
_EARLIEST: Final = text(f"SELECT min(started_us) FROM {DEFAULT}")  # noqa: S608 - our own name


class Kept(Struct, frozen=True):
    """What an upkeep did: the names of the partitions it made and dropped."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]


async def keep_partitions(database: Database, now_s: int, since_s: int | None) -> Kept:
    """Make the partitions of this and the next months, and of every month of which there are entries without one.

    `since_s`: drop the months that ended before; None drops nothing. To be called daily, and when a gateway starts.

    Raises:
        StoreError: the database cannot do it now.
    """
    made = list(await database.write(lambda connection: make_partitions(connection, now_s, now_s, MONTHS_AHEAD)))
    for _ in range(MONTHS_MAX):
        month = await database.write(_sort_earliest)
        if month is None:
            break
        made.append(month)
    if since_s is None:
        return Kept(tuple(made), ())
    return Kept(tuple(made), await database.write(lambda connection: drop_partitions(connection, since_s)))


def make_partitions(connection: Connection, since_s: int, until_s: int, ahead: int = 0) -> tuple[str, ...]:
    """Make the partitions that are not there yet, from the month of `since_s` to that of `until_s` and `ahead` more.

    Returns their names. What there already is of their entries is moved into them.
    """
    if connection.dialect.name != "postgresql":
        return ()
    first, last = _month(since_s), _month(until_s) + ahead
    there = _partitions(connection)
    missing = [month for month in range(first, min(last, first + MONTHS_MAX) + 1) if _name(month) not in there]
    for month in missing:
        _make(connection, month)
    return tuple(map(_name, missing))


def drop_partitions(connection: Connection, before_s: int) -> tuple[str, ...]:
    """Drop the months that ended at `before_s` or earlier, with all their entries. Returns their names."""
    if connection.dialect.name != "postgresql":
        return ()
    last = _name(_month(before_s))
    names = sorted(name for name in _partitions(connection) if name < last and name != DEFAULT)
    for name in names:
        connection.execute(text(f"DROP TABLE {name}"))
    return tuple(names)


def _sort_earliest(connection: Connection) -> str | None:
    """Give the earliest entry without a month's partition one. None: there is no such entry."""
    if connection.dialect.name != "postgresql":
        return None
    earliest_us = connection.execute(_EARLIEST).scalar()
    if earliest_us is None:
        return None
    month = _month(earliest_us // _US_PER_S)
    _make(connection, month)
    return _name(month)


def _make(connection: Connection, month: int) -> None:
    name, since_us, until_us = _name(month), _start_us(month), _start_us(month + 1)
    where = f"started_us >= {since_us} AND started_us < {until_us}"
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # however many there are to be moved
    connection.execute(text("LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE"))  # which writers wait for, and no reader
    connection.execute(text(f"CREATE TABLE {name} (LIKE entries INCLUDING ALL)"))
    connection.execute(
        text(f"WITH moved AS (DELETE FROM {DEFAULT} WHERE {where} RETURNING *) INSERT INTO {name} SELECT * FROM moved")  # noqa: S608
    )
    connection.execute(
        text(f"ALTER TABLE entries ATTACH PARTITION {name} FOR VALUES FROM ({since_us}) TO ({until_us})")
    )


def _partitions(connection: Connection) -> set[str]:
    return set(connection.execute(_PARTITIONS).scalars())


def _month(at_s: int) -> int:
    """The number of the month, counted since the year 0."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return moment.year * 12 + moment.month - 1


def _name(month: int) -> str:
    return f"entries_{month // 12:04}_{month % 12 + 1:02}"


def _start_us(month: int) -> int:
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * _US_PER_S
