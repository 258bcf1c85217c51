"""An entry is kept whole and once, and adds to its hour exactly once."""

import asyncio
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.store import Store
from keywright.store.wide import INT64_MAX, halves, joined
from tests.store.samples import ENTRY, START_S, START_US

HOUR_S = 3600
DAYS = (START_S - 86_400, START_S + 86_400)
MINIMAL = Entry(
    id="req_0",
    started_us=START_US,
    key_id="",
    project="p",
    dialect="d",
    endpoint="e",
    model="",
    outcome="refused",
    status=401,
)


@pytest.mark.parametrize("entry", [ENTRY, MINIMAL], ids=["full", "minimal"])
async def test_an_entry_comes_back_as_it_was_written(store: Store, entry: Entry) -> None:
    assert await store.write_entries([entry]) == 1
    assert await store.entry(entry.id) == entry


def test_the_sample_leaves_no_field_at_its_default() -> None:
    fields = msgspec.structs.fields(Entry)
    assert [field.name for field in fields if getattr(ENTRY, field.name) == field.default] == []


async def test_an_entry_that_is_not_there_is_none(store: Store) -> None:
    assert await store.entry("req_9") is None


async def test_the_first_entry_of_an_id_stays(store: Store) -> None:
    assert await store.write_entries([ENTRY, replace(ENTRY, status=500)]) == 1
    assert await store.write_entries([replace(ENTRY, status=500)]) == 0
    assert await store.entry(ENTRY.id) == ENTRY


async def test_a_replay_changes_neither_entries_nor_roll_ups(store: Store) -> None:
    entries = [replace(ENTRY, id=f"req_{at}", started_us=START_US + at * 10**9) for at in range(20)]
    await store.write_entries(entries[:12])
    assert await store.write_entries(entries) == 8
    assert await store.write_entries(entries) == 0
    (rolled,) = await store.usage(("model",), DAYS[0] // HOUR_S * HOUR_S, DAYS[1] // HOUR_S * HOUR_S)
    (counted,) = await store.usage(("credential",), *DAYS)
    assert rolled.calls == counted.calls == 20
    assert rolled.cost_picodollars == counted.cost_picodollars == 20 * ENTRY.cost_picodollars


async def test_two_processes_that_bring_the_same_entries_at_once_count_them_once(url: str) -> None:
    stores = [await Store.open(url) for _ in range(2)]
    entries = [replace(ENTRY, id=f"req_{at}") for at in range(400)]
    batches = [entries[at : at + 40] for at in range(0, 400, 40)]
    new = await asyncio.gather(*(each.write_entries(batch) for batch in batches for each in stores))
    (row,) = await stores[0].usage((), *DAYS)
    assert sum(new) == row.calls == 400
    for each in stores:
        await each.close()


async def test_a_batch_is_kept_whole_or_not_at_all(store: Store) -> None:
    broken = replace(ENTRY, id="req_2", status=None)
    with pytest.raises(StoreError):
        await store.write_entries([ENTRY, broken])
    assert await store.entry(ENTRY.id) is None
    assert await store.usage((), *DAYS) == ()


@given(st.lists(st.integers(0, INT64_MAX), max_size=20))
def test_halves_add_up_exactly(amounts: list[int]) -> None:
    highs, lows = zip(*(halves(amount) for amount in amounts), strict=True) if amounts else ((), ())
    assert joined(sum(highs), sum(lows)) == sum(amounts)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=1200, unique=True), st.integers(1, 900))
def test_however_entries_are_batched_each_is_new_once(ids: list[bytes], size: int) -> None:
    async def run() -> int:
        store = await Store.open("sqlite://")
        entries = [replace(MINIMAL, id=id_.hex()) for id_ in ids]
        cuts = [*range(0, len(entries), size), len(entries)]
        new = [await store.write_entries(entries[max(0, start - 7) : end]) for start, end in pairwise(cuts)]
        await store.close()
        return sum(new)

    assert asyncio.run(run()) == len(ids)


async def test_a_text_that_no_database_keeps_costs_no_entry(store: Store) -> None:
    odd = [replace(ENTRY, id=f"req_{at}", model=f"a{nul}b", served=f"a{nul}b") for at, nul in enumerate(("\0", "�"))]
    odd.append(replace(ENTRY, id="req_2", address="10.0.0.1\0"))
    assert await store.write_entries(odd) == 3
    assert await store.entry("req_2") is not None
    kept = await store.entry("req_0")
    assert kept is not None
    assert (kept.model, kept.served) == ("a�b", "a�b")
    rows = await store.usage(("model",), *DAYS)
    assert [(row.by, row.calls) for row in rows] == [(("a�b",), 2), ((ENTRY.served,), 1)]
