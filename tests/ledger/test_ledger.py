"""What is settled reaches the store once, whether the store is quick, slow or away."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.ledger import Ledger, LedgerSettings
from keywright.store import Store
from tests.ledger.stores import SwitchedStore
from tests.store.samples import ENTRY, RESERVATION, START_S

WAIT_S = 10.0
DAYS = (START_S - 86_400, START_S + 86_400)
LAZY = LedgerSettings(flush_interval_s=60.0)
SMALL = LedgerSettings(flush_interval_s=60.0, segment_bytes=32 * 1024)


def call(ledger: Ledger, number: int) -> Entry:
    entry = replace(ENTRY, id=f"req_{number}")
    ledger.reserve(replace(RESERVATION, id=entry.id))
    ledger.settle(entry)
    return entry


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():
            await asyncio.sleep(0.005)


def segments(folder: Path) -> int:
    return len(list(folder.rglob("*.spool")))


async def calls_stored(store: Store) -> int:
    return sum(row.calls for row in await store.usage((), *DAYS))


async def test_a_settled_call_is_stored_within_the_flush_interval(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LedgerSettings(flush_interval_s=0.05), store, folder, clock=time.time)
    entry = call(ledger, 1)
    assert (ledger.waiting, ledger.reserved) == (1, 0)
    await until(lambda: ledger.waiting == 0)
    assert await store.entry(entry.id) == entry
    assert ledger.written == 1
    await ledger.close()


async def test_flush_returns_when_everything_settled_is_stored(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    for number in range(2500):
        call(ledger, number)
    await ledger.flush()
    assert ledger.waiting == 0
    assert await calls_stored(store) == 2500
    await ledger.close()


async def test_a_full_batch_does_not_wait_for_the_interval(store: Store, folder: Path) -> None:
    switched = SwitchedStore(store)
    ledger = await Ledger.open(
        LedgerSettings(flush_interval_s=60.0, batch_entries_max=10), switched, folder, clock=time.time
    )
    for number in range(25):
        call(ledger, number)
    await until(lambda: ledger.waiting == 0)
    assert switched.batches == [10, 10, 5]
    await ledger.close()


async def test_closing_stores_everything_and_leaves_no_file(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(SMALL, store, folder, clock=time.time)
    for number in range(100):
        call(ledger, number)
    assert segments(folder) > 1
    await ledger.close()
    assert await calls_stored(store) == 100
    assert list(folder.iterdir()) == []


async def test_segments_go_when_what_they_hold_is_stored(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(SMALL, store, folder, clock=time.time)
    ledger.reserve(replace(RESERVATION, id="long"))
    for number in range(200):
        call(ledger, number)
    assert segments(folder) > 3
    await ledger.flush()
    assert segments(folder) <= 3  # the current one, its spare if it needs one, and that of the call still open
    ledger.settle(replace(ENTRY, id="long"))
    await ledger.flush()
    assert segments(folder) <= 2
    await ledger.close()


async def test_a_segment_does_not_grow_old_when_few_calls_come(store: Store, folder: Path) -> None:
    now_s = [1000.0]
    ledger = await Ledger.open(LAZY, store, folder, clock=lambda: now_s[0])
    call(ledger, 1)
    await ledger.flush()
    (first,) = folder.rglob("*.spool")
    now_s[0] += LAZY.renew_s
    await ledger.flush()
    (second,) = folder.rglob("*.spool")
    assert second != first
    assert call(ledger, 2).id == "req_2"
    await ledger.close()
    assert await calls_stored(store) == 2


async def test_calls_go_on_while_the_store_is_away_and_are_stored_when_it_is_back(store: Store, folder: Path) -> None:
    switched = SwitchedStore(store)
    ledger = await Ledger.open(
        LedgerSettings(flush_interval_s=0.01, retry_s_max=0.02), switched, folder, clock=time.time
    )
    switched.up = False
    call(ledger, 1)
    await until(lambda: ledger.retries >= 3)
    call(ledger, 2)
    assert (ledger.waiting, ledger.written, ledger.trouble) == (2, 0, "the database is away")
    with pytest.raises(StoreError, match="away"):
        await ledger.flush()
    switched.up = True
    await until(lambda: ledger.waiting == 0 and not ledger.trouble)
    assert await calls_stored(store) == 2
    await ledger.close()


async def test_a_call_is_refused_before_it_is_sent_when_too_many_wait(store: Store, folder: Path) -> None:
    switched = SwitchedStore(store)
    settings = LedgerSettings(flush_interval_s=60.0, waiting_max=3)
    ledger = await Ledger.open(settings, switched, folder, clock=time.time)
    ledger.reserve(replace(RESERVATION, id="early"))
    for number in range(3):
        call(ledger, number)
    with pytest.raises(StoreError, match="3 calls wait to be recorded"):
        call(ledger, 3)
    ledger.settle(replace(ENTRY, id="early"))  # what was reserved is settled beyond the bound
    ledger.settle(replace(ENTRY, id="refused", outcome="refused"))
    assert (ledger.waiting, ledger.dropped_refusals) == (4, 1)
    await ledger.flush()
    call(ledger, 4)
    await ledger.close()
    assert await calls_stored(store) == 5


async def test_a_refused_call_that_was_never_reserved_is_recorded(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    refused = replace(ENTRY, outcome="refused", status=402)
    ledger.settle(refused)
    await ledger.close()
    assert await store.entry(refused.id) == refused


async def test_what_is_settled_while_a_batch_is_written_is_not_forgotten(store: Store, folder: Path) -> None:
    switched = SwitchedStore(store)
    ledger = await Ledger.open(LAZY, switched, folder, clock=time.time)
    switched.gate.clear()
    call(ledger, 1)
    flushing = asyncio.create_task(ledger.flush())
    await asyncio.sleep(0.02)
    call(ledger, 2)
    switched.gate.set()
    await flushing
    assert ledger.waiting == 1
    await ledger.close()
    assert await calls_stored(store) == 2


async def test_closing_while_the_store_is_away_leaves_the_entries_to_the_next_start(store: Store, folder: Path) -> None:
    switched = SwitchedStore(store)
    ledger = await Ledger.open(LAZY, switched, folder, clock=time.time)
    entry = call(ledger, 1)
    switched.up = False
    await ledger.close()
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    assert (ledger.replayed.entries, ledger.replayed.lost) == (1, 0)
    assert await store.entry(entry.id) == entry
    await ledger.close()


async def test_closing_does_not_wait_for_ever_for_a_store_that_hangs(store: Store, folder: Path) -> None:
    switched = SwitchedStore(store)
    ledger = await Ledger.open(LedgerSettings(flush_interval_s=60.0, close_s=0.05), switched, folder, clock=time.time)
    call(ledger, 1)
    switched.gate.clear()
    async with asyncio.timeout(WAIT_S):
        await ledger.close()
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    assert ledger.replayed.entries == 1
    await ledger.close()


async def test_thousands_of_open_calls_all_have_room_for_the_longest_entry(store: Store, folder: Path) -> None:
    settings = LedgerSettings(flush_interval_s=60.0, segment_bytes=128 * 1024)
    ledger = await Ledger.open(settings, store, folder, clock=time.time)
    ids = [f"req_{number}" for number in range(300)]
    for id_ in ids:
        ledger.reserve(replace(RESERVATION, id=id_))
    allocated = segments(folder)
    long = replace(ENTRY, tags=(("note", "x" * 7400),))
    for id_ in ids:
        ledger.settle(replace(long, id=id_))
    assert segments(folder) == allocated
    await ledger.close()
    assert await store.entry(ids[-1]) == replace(long, id=ids[-1])
    assert await calls_stored(store) == 300


async def test_an_entry_of_any_length_and_content_is_recorded(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    for id_, model in (("long", "m" * 100_000), ("half", "\ud800"), ("null", "a\0b")):
        ledger.reserve(replace(RESERVATION, id=id_, model=model))
        ledger.settle(replace(ENTRY, id=id_, model=model, cost_picodollars=7))
    await ledger.close()
    kept = [await store.entry(id_) for id_ in ("long", "half", "null")]
    assert [entry and (len(entry.model), entry.cost_picodollars) for entry in kept] == [(64, 7), (1, 7), (3, 7)]


async def test_a_segment_holds_at_least_a_reservation_and_an_entry(store: Store, folder: Path) -> None:
    with pytest.raises(AssertionError):
        await Ledger.open(LedgerSettings(segment_bytes=8192), store, folder, clock=time.time)
