"""`kill -9` at any moment: nothing settled is lost, nothing is there twice, and open calls are found."""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.ledger import Ledger, LedgerSettings
from keywright.ledger.frame import FILE_MAGIC
from keywright.store import Store
from tests.ledger.stores import SwitchedStore
from tests.store.samples import ENTRY, RESERVATION, START_S

ROUNDS = 4
WAIT_S = 20.0
DAYS = (START_S - 86_400, START_S + 86_400)
LAZY = LedgerSettings(flush_interval_s=60.0)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Of either kind: here, nothing may depend on which."""
    store = await Store.open(database_url)
    yield store
    await store.close()


@contextlib.asynccontextmanager
async def dying(what: str, folder: Path, url: str, prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process of `dying.py`, once it has said its first line; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ledger.dying", what, str(folder), url, prefix),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WAIT_S):
            assert await process.stdout.readline() in (b"ready\n", f"reserved {prefix}\n".encode())
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        async with asyncio.timeout(WAIT_S):
            await process.communicate()


async def killed_after(process: asyncio.subprocess.Process, life_s: float) -> list[str]:
    """The ids that `process` said were settled before it was killed."""
    assert process.stdout is not None
    reading = asyncio.create_task(process.stdout.read())
    await asyncio.sleep(life_s)
    process.kill()
    async with asyncio.timeout(WAIT_S):
        said = await reading
    whole_lines = said[: said.rfind(b"\n") + 1].decode().splitlines()
    return [line.removeprefix("settled ") for line in whole_lines]


async def replayed(folder: Path, store: Store) -> Ledger:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    await ledger.close()
    return ledger


@pytest.mark.parametrize("what", ["store", "away"])
async def test_nothing_settled_is_lost_and_nothing_is_there_twice(
    what: str, store: Store, database_url: str, folder: Path
) -> None:
    moments = random.Random(what)
    said: list[str] = []
    lost = 0
    for number in range(ROUNDS):
        async with dying(what, folder, database_url, f"round_{number}") as process:
            settled = await killed_after(process, moments.uniform(0.01, 0.15))
        lost += (await replayed(folder, store)).replayed.lost
        assert settled
        for id_ in settled[:: len(settled) // 50 + 1] + settled[-20:]:
            assert await store.entry(id_) == replace(ENTRY, id=id_)
        said += settled
    by_model = await store.usage(("outcome",), *DAYS)
    calls = {row.by[0]: row.calls for row in by_model}
    (rolled,) = await store.usage((), START_S // 3600 * 3600, START_S // 3600 * 3600 + 3600)
    # between `settle` and the line that says so, one more call of each round may have been settled or reserved
    assert len(said) <= calls["ok"] <= len(said) + ROUNDS * 200
    assert calls.get("lost", 0) == lost <= ROUNDS
    assert rolled.calls == sum(calls.values())
    assert list(folder.iterdir()) == []


async def test_every_single_id_that_was_said_is_stored(store: Store, database_url: str, folder: Path) -> None:
    async with dying("away", folder, database_url, "all") as process:
        settled = await killed_after(process, 0.05)
    await replayed(folder, store)
    missing = [id_ for id_ in settled if await store.entry(id_) is None]
    assert settled
    assert missing == []


async def test_a_call_that_died_with_its_process_is_lost_at_its_worst_case(
    store: Store, database_url: str, folder: Path
) -> None:
    async with dying("open", folder, database_url, "req_7") as process:
        process.kill()
    ledger = await replayed(folder, store)
    assert (ledger.replayed.entries, ledger.replayed.lost) == (0, 1)
    assert await store.entry("req_7") == Entry(
        id="req_7",
        started_us=RESERVATION.started_us,
        key_id=RESERVATION.key_id,
        project=RESERVATION.project,
        dialect=RESERVATION.dialect,
        endpoint=RESERVATION.endpoint,
        model=RESERVATION.model,
        outcome="lost",
        status=0,
        code="process_died",
        usage_source="worst_case",
        cost_picodollars=RESERVATION.worst_picodollars,
        reserved_picodollars=RESERVATION.worst_picodollars,
        reserved=RESERVATION.reserved,
        charged=RESERVATION.charged,
        owner=RESERVATION.owner,
        address=RESERVATION.address,
        tags=RESERVATION.tags,
    )
    assert (await replayed(folder, store)).replayed.spools == 0


async def test_the_spool_of_a_process_that_lives_is_not_touched(store: Store, database_url: str, folder: Path) -> None:
    async with dying("open", folder, database_url, "req_8") as process:
        before = sorted(folder.rglob("*"))
        assert (await replayed(folder, store)).replayed.spools == 0
        assert sorted(folder.rglob("*")) == before
        assert await store.entry("req_8") is None
        process.kill()
        await process.wait()
        assert (await replayed(folder, store)).replayed.lost == 1


async def test_two_ledgers_of_one_process_do_not_touch_each_other(store: Store, folder: Path) -> None:
    first = await Ledger.open(LAZY, store, folder, clock=lambda: 1.0)
    first.reserve(RESERVATION)
    second = await Ledger.open(LAZY, store, folder, clock=lambda: 1.0)
    assert second.replayed.spools == 0
    first.settle(ENTRY)
    await second.close()
    await first.close()
    assert await store.entry(ENTRY.id) == ENTRY


async def test_calls_still_open_when_the_ledger_closes_are_lost_at_the_next_start(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    ledger.reserve(RESERVATION)
    await ledger.close()
    assert (await replayed(folder, store)).replayed.lost == 1


async def test_a_replay_that_fails_halfway_is_repeated(store: Store, folder: Path) -> None:
    await left_behind(folder, store)
    switched = SwitchedStore(store)
    switched.up = False
    with pytest.raises(StoreError, match="away"):
        await Ledger.open(LAZY, switched, folder, clock=time.time)
    await store.write_entries([replace(ENTRY, id="req_2")])
    ledger = await replayed(folder, store)
    assert (ledger.replayed.entries, ledger.replayed.lost) == (4, 0)


async def test_a_reservation_whose_entry_is_stored_is_not_lost(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    ledger.reserve(RESERVATION)
    await ledger.close()
    await store.write_entries([ENTRY])  # by a segment that is gone
    assert (await replayed(folder, store)).replayed.lost == 0
    assert await store.entry(ENTRY.id) == ENTRY


async def test_damage_in_the_middle_costs_what_it_hit_and_is_reported_and_kept(store: Store, folder: Path) -> None:
    segment = await left_behind(folder, store)
    data = segment.read_bytes()
    place = data.index(b"req_2", data.index(b"req_2") + 1)  # in its entry, behind its reservation
    segment.write_bytes(data[:place] + b"XXXXX" + data[place + 5 :])
    ledger = await replayed(folder, store)
    assert (ledger.replayed.entries, ledger.replayed.lost, ledger.replayed.damages) == (4, 1, 1)
    assert ledger.replayed.damaged_bytes > 100
    lost = await store.entry("req_2")
    assert lost is not None
    assert lost.outcome == "lost"
    (kept,) = folder.rglob("*.spool")
    assert kept.parent.name == "damaged"
    assert (await replayed(folder, store)).replayed.spools == 0


async def test_a_torn_tail_loses_only_the_record_that_was_being_written(store: Store, folder: Path) -> None:
    segment = await left_behind(folder, store)
    data = segment.read_bytes()
    written = len(data.rstrip(b"\0"))
    segment.write_bytes(data[: written - 40] + bytes(len(data) - written + 40))
    ledger = await replayed(folder, store)
    assert (ledger.replayed.entries, ledger.replayed.lost, ledger.replayed.damages) == (4, 1, 0)
    assert list(folder.rglob("*.spool")) == []


async def test_a_spool_of_a_newer_version_stops_the_start_and_stays(store: Store, folder: Path) -> None:
    segment = await left_behind(folder, store)
    data = segment.read_bytes()
    segment.write_bytes(b"kwspool\x02" + data[len(FILE_MAGIC) :])
    with pytest.raises(StoreError, match="format 2"):
        await Ledger.open(LAZY, store, folder, clock=time.time)
    assert segment.is_file()


async def left_behind(folder: Path, store: Store) -> Path:
    """The one segment of a ledger that settled five calls and could not store them."""
    switched = SwitchedStore(store)
    ledger = await Ledger.open(LAZY, switched, folder, clock=time.time)
    for number in range(5):
        ledger.reserve(replace(RESERVATION, id=f"req_{number}"))
        ledger.settle(replace(ENTRY, id=f"req_{number}"))
    switched.up = False
    await ledger.close()
    (segment,) = folder.rglob("*.spool")
    return segment
