"""A full disk refuses calls before they are sent, settles those that were, and is forgotten when there is room."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from keywright.core.errors import StoreError
from keywright.ledger import Ledger, LedgerSettings
from keywright.store import Store
from tests.store.disks import files_at_most, mounted
from tests.store.samples import ENTRY, RESERVATION

SETTINGS = LedgerSettings(flush_interval_s=60.0, segment_bytes=256 * 1024)
LONG = replace(ENTRY, tags=(("note", "x" * 7000),))


def reserve_until_refused(ledger: Ledger, prefix: str) -> tuple[list[str], StoreError]:
    """The ids that were taken, and the refusal."""
    taken: list[str] = []
    for number in range(10_000):
        try:
            ledger.reserve(replace(RESERVATION, id=f"{prefix}_{number}"))
        except StoreError as refused:
            return taken, refused
        taken.append(f"{prefix}_{number}")
    raise AssertionError("the disk never was full")


async def test_a_full_disk_refuses_a_call_before_it_is_sent_and_settles_the_open_ones(
    store: Store, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        ledger = await Ledger.open(SETTINGS, store, disk / "spool", clock=time.time)
        taken, refused = reserve_until_refused(ledger, "first")
        assert len(taken) > 50
        assert "cannot grow" in str(refused)
        assert "free space" in str(refused)
        for id_ in taken:
            ledger.settle(replace(LONG, id=id_))
        await ledger.flush()
        again, _ = reserve_until_refused(ledger, "again")
        assert len(again) > 50  # what is stored has made room
        for id_ in again:
            ledger.settle(replace(LONG, id=id_))
        await ledger.close()
        for id_ in (*taken, *again):
            assert await store.entry(id_) == replace(LONG, id=id_)


async def test_a_file_that_may_not_be_made_refuses_like_a_full_disk(store: Store, tmp_path: Path) -> None:
    ledger = await Ledger.open(SETTINGS, store, tmp_path / "spool", clock=time.time)
    with files_at_most(SETTINGS.segment_bytes // 2):
        taken, refused = reserve_until_refused(ledger, "first")
        for id_ in taken:
            ledger.settle(replace(LONG, id=id_))
    assert "cannot grow" in str(refused)
    ledger.reserve(RESERVATION)
    ledger.settle(ENTRY)
    await ledger.close()
    for id_ in taken:
        assert await store.entry(id_) == replace(LONG, id=id_)
    assert await store.entry(ENTRY.id) == ENTRY


async def test_a_refused_reservation_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=600k") as disk:
        ledger = await Ledger.open(SETTINGS, store, disk / "spool", clock=time.time)
        taken, _ = reserve_until_refused(ledger, "req")
        await ledger.close()
        ledger = await Ledger.open(SETTINGS, store, disk / "spool", clock=time.time)
        assert ledger.replayed.lost == len(taken)
        assert await store.entry(f"req_{len(taken)}") is None
        await ledger.close()


async def test_a_refusal_that_the_full_disk_has_no_room_for_is_counted(store: Store, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=600k") as disk:
        ledger = await Ledger.open(SETTINGS, store, disk / "spool", clock=time.time)
        for number in range(1000):
            ledger.settle(replace(LONG, id=f"req_{number}", outcome="refused"))
        assert ledger.dropped_refusals > 0
        assert ledger.waiting + ledger.dropped_refusals == 1000
        await ledger.close()


async def test_a_disk_with_no_room_for_a_spool_is_refused_at_the_start(store: Store, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        with pytest.raises(StoreError, match=r"cannot grow.*free space"):
            await Ledger.open(SETTINGS, store, disk / "spool", clock=time.time)
        assert list((disk / "spool").iterdir()) == []


async def test_a_folder_that_cannot_be_made_is_refused_at_the_start(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="write access"):
        await Ledger.open(SETTINGS, store, tmp_path / "file" / "spool", clock=time.time)
