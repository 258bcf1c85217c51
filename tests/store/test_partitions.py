"""On PostgreSQL each month of entries is a table of its own, made ahead and dropped whole; no entry is ever refused."""

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, text

from keywright.core.entry import Entry
from keywright.store import Store
from keywright.store.database import Database
from keywright.store.partitions import Kept, drop_partitions, keep_partitions, make_partitions
from tests.store.samples import ENTRY, START_S


def at(year: int, month: int, day: int = 1, second: int = 0) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) + second


def entry(number: int, at_s: int) -> Entry:
    return replace(ENTRY, id=f"req_{number}", started_us=at_s * 10**6)


async def rows(database: Database) -> dict[str, int]:
    """How many entries each partition has."""

    def count(connection: Connection) -> dict[str, int]:
        query = text("SELECT tableoid::regclass::text AS part, count(*) AS many FROM entries GROUP BY 1")
        return {row.part: row.many for row in connection.execute(query)}

    return await database.read(count)


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


async def test_upkeep_makes_this_and_the_next_three_months_once(store: Store) -> None:
    kept = await keep_partitions(store.database, at(2025, 11, 24), None)
    assert kept == Kept(("entries_2025_11", "entries_2025_12", "entries_2026_01", "entries_2026_02"), ())
    assert await keep_partitions(store.database, at(2025, 11, 25), None) == Kept((), ())
    assert (await keep_partitions(store.database, at(2025, 12, 1), None)).made == ("entries_2026_03",)


async def test_an_entry_lies_in_the_month_of_its_start_to_the_microsecond(store: Store) -> None:
    await keep_partitions(store.database, at(2025, 11), None)
    last = replace(entry(1, 0), started_us=at(2025, 12) * 10**6 - 1)
    await store.write_entries([last, entry(2, at(2025, 12))])
    assert await rows(store.database) == {"entries_2025_11": 1, "entries_2025_12": 1}


async def test_entries_of_months_without_a_partition_are_kept_and_sorted_later(store: Store) -> None:
    old = [entry(number, at(2024, 1 + number, 9)) for number in range(3)]
    await store.write_entries(old)
    assert await rows(store.database) == {"entries_default": 3}
    kept = await keep_partitions(store.database, at(2025, 11), None)
    assert kept.made[4:] == ("entries_2024_01", "entries_2024_02", "entries_2024_03")
    assert await rows(store.database) == {"entries_2024_01": 1, "entries_2024_02": 1, "entries_2024_03": 1}
    assert [await store.entry(each.id) for each in old] == old
    assert await store.write_entries(old) == 0


async def test_whole_months_before_the_retention_are_dropped_and_no_other(store: Store) -> None:
    moments = [at(2025, 8, 31), at(2025, 9, 1), at(2025, 9, 30), at(2025, 10, 1), at(2025, 11, 2)]
    await store.write_entries([entry(number, moment) for number, moment in enumerate(moments)])
    kept = await keep_partitions(store.database, at(2025, 11, 24), at(2025, 10, 1))
    assert kept.dropped == ("entries_2025_08", "entries_2025_09")
    assert sum((await rows(store.database)).values()) == 2
    assert (await keep_partitions(store.database, at(2025, 11, 24), at(2025, 10, 31))).dropped == ()


async def test_partitions_are_made_while_others_write(store: Store, url: str) -> None:
    other = await Store.open(url)
    batches = [[entry(100 * batch + at_, START_S + at_ * 86_400) for at_ in range(100)] for batch in range(10)]
    await other.write_entries(batches[0])
    keeping = asyncio.create_task(keep_partitions(store.database, START_S, None))
    written = await asyncio.gather(*(other.write_entries(batch) for batch in batches[1:]))
    assert len((await keeping).made) >= 4
    assert sum(written) == 900
    await keep_partitions(store.database, START_S, None)
    found = await rows(store.database)
    assert "entries_default" not in found
    assert sum(found.values()) == 1000
    await other.close()


async def test_a_partition_has_every_index_of_the_table(store: Store) -> None:
    await keep_partitions(store.database, START_S, None)

    def indexes(connection: Connection) -> set[int]:
        query = text(
            "SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indrelid "
            "WHERE inhparent = 'entries'::regclass GROUP BY indrelid"
        )
        parent = text("SELECT count(*) FROM pg_index WHERE indrelid = 'entries'::regclass")
        return {*connection.execute(query).scalars(), connection.execute(parent).scalar_one()}

    assert len(await store.database.read(indexes)) == 1


async def test_on_sqlite_there_are_none(sqlite_store: Store) -> None:
    await sqlite_store.write_entries([ENTRY])
    assert await keep_partitions(sqlite_store.database, START_S, START_S + 10**8) == Kept((), ())
    assert await sqlite_store.database.write(lambda connection: make_partitions(connection, 0, START_S)) == ()
    assert await sqlite_store.database.write(lambda connection: drop_partitions(connection, START_S * 2)) == ()
    assert await sqlite_store.entry(ENTRY.id) == ENTRY
