"""What dead processes left: their spools, brought into the store and removed.

A spool is read as a whole, since a call's reservation and its entry may lie in different segments. An entry goes to the
store, which passes over those that it has. A reservation without entry is a call that died with its process: it becomes
an entry `lost` at its worst case. (Its entry may have been stored and its segment removed: the store knows the id then,
and nothing is added.) When the store has everything, what the dead process had leased of budgets returns, and the spool
is removed; a crash during the replay repeats it.

Segments with damage within are not deleted but moved to `damaged/`, for whoever wants to look.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from keywright.core.entry import Entry, Reservation
from keywright.core.errors import StoreError
from keywright.ledger.frame import Damage, Record, records
from keywright.ledger.owner import FOLDER_MODE, claim
from keywright.ledger.segment import SUFFIX

DAMAGED: Final = "damaged"


class EntryStore(Protocol):
    """Where entries end up; see `ledger.py`."""

    async def write_entries(self, entries: Sequence[Entry], holder: str) -> int: ...
    async def release(self, holder: str) -> None: ...


_decode_entry: Final = msgspec.msgpack.Decoder(Entry).decode
_decode_reservation: Final = msgspec.msgpack.Decoder(Reservation).decode


class Replayed(msgspec.Struct):
    """What was found. `entries` and `lost` count what was new to the store.

    `damages` counts places within a segment that could not be read although records followed, and whole records that
    are no entry or reservation of this version; `damaged_bytes` how much that was.
    """

    spools: int = 0
    entries: int = 0
    lost: int = 0
    damages: int = 0
    damaged_bytes: int = 0


async def replay(folder: Path, store: EntryStore, batch_entries_max: int, report: Replayed | None = None) -> Replayed:
    """Bring in every spool in `folder` whose process is gone. What is found is added to `report`.

    Of several processes that do so at once, each spool is brought in by one.

    Raises:
        StoreError: the store failed, a spool cannot be read, or a newer version wrote it. It stays for the next start.
    """
    report = Replayed() if report is None else report
    for path in _spools(folder):
        try:
            await _replay_if_dead(path, store, batch_entries_max, report)
        except OSError as error:
            raise StoreError(
                f"the ledger's spool {path} cannot be replayed ({error.strerror}): give Keywright's user access to it"
            ) from error
    return report


async def _replay_if_dead(path: Path, store: EntryStore, batch_entries_max: int, report: Replayed) -> None:
    lock = claim(path)
    if lock is None:
        return
    try:
        segments = _segments(path)
        damaged: set[Path] = set()
        reservations: dict[str, Reservation] = {}
        settled: set[str] = set()
        batch: list[Entry] = []
        for noun in _nouns(segments, report, damaged):
            if isinstance(noun, Reservation):
                reservations[noun.id] = noun
                continue
            settled.add(noun.id)
            batch.append(noun)
            if len(batch) == batch_entries_max:
                report.entries += await store.write_entries(batch, path.name)
                batch = []
        report.entries += await store.write_entries(batch, path.name)
        lost = [_lost(open_) for id_, open_ in reservations.items() if id_ not in settled]
        report.lost += await store.write_entries(lost, path.name)
        await store.release(path.name)
        report.spools += 1
        _remove(path, segments, damaged)
    finally:
        os.close(lock)


def _spools(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name != DAMAGED)


def _segments(path: Path) -> list[Path]:
    return sorted(path.glob(f"*{SUFFIX}"))


def _nouns(segments: list[Path], report: Replayed, damaged: set[Path]) -> Iterator[Entry | Reservation]:
    """The entries and reservations in `segments`; what cannot be read is added to `report` and `damaged`."""
    for segment in segments:
        for found in records(segment.read_bytes()):
            noun = None if isinstance(found, Damage) else _decoded(found)
            if noun is not None:
                yield noun
                continue
            report.damages += 1
            report.damaged_bytes += found.end - found.start if isinstance(found, Damage) else len(found.payload)
            damaged.add(segment)


def _decoded(record: Record) -> Entry | Reservation | None:
    try:
        return _decode_entry(record.payload) if record.kind == "entry" else _decode_reservation(record.payload)
    except msgspec.MsgspecError:
        return None


def _lost(reservation: Reservation) -> Entry:
    """What is recorded of a call whose process died before it was settled. Status 0: nobody knows what was answered."""
    return Entry(
        id=reservation.id,
        started_us=reservation.started_us,
        key_id=reservation.key_id,
        project=reservation.project,
        dialect=reservation.dialect,
        endpoint=reservation.endpoint,
        model=reservation.model,
        outcome="lost",
        status=0,
        code="process_died",
        usage_source="worst_case",
        cost_picodollars=reservation.worst_picodollars,
        owner=reservation.owner,
        address=reservation.address,
        tags=reservation.tags,
        reserved_picodollars=reservation.worst_picodollars,
        reserved=reservation.reserved,
        charged=reservation.charged,
    )


def _remove(path: Path, segments: list[Path], damaged: set[Path]) -> None:
    for segment in segments:
        if segment in damaged:
            kept = path.parent / DAMAGED
            kept.mkdir(mode=FOLDER_MODE, exist_ok=True)
            segment.rename(kept / f"{path.name}-{segment.name}")
        else:
            segment.unlink()
    path.rmdir()
