"""A sibling's spool is brought in by those that live on: by one of them, once, and never while its process lives."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from keywright.core.errors import StoreError
from keywright.ledger import Ledger, LedgerSettings
from keywright.ledger.owner import claim_new
from keywright.ledger.recovery import recover
from keywright.ledger.replay import Replayed
from keywright.store import Store
from tests.ledger.stores import SwitchedStore
from tests.store.samples import ENTRY, RESERVATION

LAZY = LedgerSettings(flush_interval_s=60.0)
PROCESSES = 6
SPOOLS, ENTRIES = 3, 250
START_S = 2.5
WAIT_S = 30.0


async def abandoned(folder: Path, store: Store, name: str) -> None:
    """A spool whose process is gone: `ENTRIES` settled calls that are not stored, and one that was running."""
    away = SwitchedStore(store)
    away.up = False
    ledger = await Ledger.open(replace(LAZY, close_s=0.05), away, folder.parent / f"of {name}", clock=time.time)
    for number in range(ENTRIES):
        ledger.reserve(replace(RESERVATION, id=f"{name}_{number}"))
        ledger.settle(replace(ENTRY, id=f"{name}_{number}"))
    ledger.reserve(replace(RESERVATION, id=f"{name}_running"))
    await ledger.close()
    (spool,) = (folder.parent / f"of {name}").iterdir()
    folder.mkdir(exist_ok=True)
    spool.rename(folder / spool.name)


async def recovering(folder: Path, store: Store, at_s: float) -> list[int]:
    """What the process of `recovering.py` says that it brought in."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ledger.recovering", str(folder), f"sqlite:///{store.address.file}", str(at_s)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        said, _ = await process.communicate()
    assert process.returncode == 0
    return [int(word) for word in said.split()]


async def test_of_processes_that_look_at_the_same_moment_one_brings_a_spool_in(store: Store, folder: Path) -> None:
    for number in range(SPOOLS):
        await abandoned(folder, store, f"dead{number}")
    at_s = time.time() + START_S
    found = await asyncio.gather(*(recovering(folder, store, at_s) for _ in range(PROCESSES)))
    assert [sum(column) for column in zip(*found, strict=True)] == [SPOOLS, SPOOLS * ENTRIES, SPOOLS]
    assert list(folder.iterdir()) == []
    for number in range(SPOOLS):
        lost = await store.entry(f"dead{number}_running")
        assert lost is not None
        assert lost.outcome == "lost"
        assert await store.entry(f"dead{number}_0") == replace(ENTRY, id=f"dead{number}_0")


async def test_a_ledger_that_serves_brings_in_what_a_sibling_left(store: Store, folder: Path) -> None:
    ledger = await Ledger.open(LAZY, store, folder, clock=time.time)
    ledger.reserve(RESERVATION)
    assert not await recover(folder, store, ledger.replayed)
    await abandoned(folder, store, "sibling")
    assert await recover(folder, store, ledger.replayed)
    assert ledger.replayed == Replayed(spools=1, entries=ENTRIES, lost=1)
    assert not await recover(folder, store, ledger.replayed)
    assert [spool.name for spool in folder.iterdir()] == [ledger.holder]  # its own, which it never takes for a dead one
    ledger.settle(ENTRY)
    await ledger.close()
    assert await store.entry(ENTRY.id) == ENTRY


async def test_what_the_store_does_not_take_stays_for_the_next_time(store: Store, folder: Path) -> None:
    await abandoned(folder, store, "sibling")
    switched = SwitchedStore(store)
    switched.up = False
    total = Replayed()
    with pytest.raises(StoreError, match="away"):
        await recover(folder, switched, total)
    switched.up = True
    assert await recover(folder, switched, total)
    assert total == Replayed(spools=1, entries=ENTRIES, lost=1)


async def test_a_spool_is_named_by_the_random_digits_it_was_given(tmp_path: Path, store: Store) -> None:
    ledger = await Ledger.open(LAZY, store, tmp_path, clock=time.time, mark="0123abcd")
    assert "-0123abcd-" in ledger.holder
    await ledger.close()


def test_spools_that_are_made_in_the_same_microsecond_are_several(tmp_path: Path) -> None:
    made = [claim_new(tmp_path, 1.0, "0123abcd") for _ in range(3)]
    assert len({path for path, _ in made}) == 3
    for _, lock in made:
        os.close(lock)
