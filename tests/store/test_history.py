"""All calls of a span, the oldest first, in batches."""

from collections.abc import Iterator
from itertools import chain

from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.store import Store
from keywright.store.history import History
from tests.store.samples import ENTRY, START_US


def calls(count: int) -> Iterator[Entry]:
    """Two that started in each microsecond, written in no order."""
    for number in range(count):
        place = number * 7 % count
        yield replace(ENTRY, id=f"r{place:04}", started_us=START_US + place // 2)


async def read(store: Store, since_us: int, until_us: int) -> list[list[str]]:
    found = History(store.database, 10).batches(since_us, until_us)
    return [[entry.id for entry in batch] async for batch in found]


async def test_batches_come_in_order_and_miss_nothing(store: Store) -> None:
    await store.write_entries(list(calls(45)))
    batches = await read(store, START_US, START_US + 100)
    assert [len(batch) for batch in batches] == [10, 10, 10, 10, 5]
    assert list(chain(*batches)) == [f"r{number:04}" for number in range(45)]


async def test_the_span_is_half_open(store: Store) -> None:
    await store.write_entries(list(calls(10)))
    assert await read(store, START_US + 1, START_US + 3) == [["r0002", "r0003", "r0004", "r0005"]]
    assert await read(store, START_US + 50, START_US + 60) == []


async def test_entries_are_whole(store: Store) -> None:
    await store.write_entries([ENTRY])
    (batch,) = [batch async for batch in History(store.database).batches(START_US, START_US + 1)]
    assert batch == (ENTRY,)
