"""The spool of this process: where each call is written before anything depends on it.

Records are copied into memory-mapped files whose disk space was allocated beforehand. Why not `write` to an appended
file: both survive `kill -9`, since the pages are the kernel's, and both cost about the same. But a system call gives
Python's global lock away, and while the database's thread writes a batch it comes back only tens of microseconds later;
a copy does not (figures: docs/rfd/004-store-and-spool.md). The price is SIGBUS where a page cannot be had, which
allocation excludes on file systems that write in place (ext4, XFS, tmpfs, APFS).

Room. Each open call has `RECORD_BYTES_MAX` set aside for its entry: `promised` counts them, and a reservation is taken
only while the room left holds all promises. Room is counted in whole records per segment, since a record does not cross
from one segment to the next; so a promise kept never takes room from another.
"""

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from keywright.core.errors import StoreError
from keywright.ledger.frame import FILE_MAGIC, RECORD_BYTES_MAX
from keywright.ledger.owner import claim_new
from keywright.ledger.segment import SUFFIX, Segment


class Spool:
    """The segments of one process, used from the event loop's thread (`sync` alone from another)."""

    def __init__(self, folder: Path, segment_bytes: int, clock: Callable[[], float], mark: str) -> None:
        """A new spool in a folder of its own within `folder`, whose name has the random `mark` in it.

        Raises:
            StoreError: there is no room for it, or no access.
        """
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._slots_per_segment = (segment_bytes - len(FILE_MAGIC)) // RECORD_BYTES_MAX
        assert self._slots_per_segment >= 2, "a segment must hold a reservation and an entry"
        self._made = 0
        self._spares: deque[Segment] = deque()
        self._full: list[Segment] = []
        self.promised = 0
        self.folder, self._lock = claim_new(folder, clock(), mark)
        try:
            self._current = self._new_segment()
        except BaseException:
            self.folder.rmdir()
            os.close(self._lock)
            raise

    def reserve(self, record: bytes) -> Segment:
        """Write a reservation and set room aside for its entry.

        Raises:
            StoreError: there is no room for both. Nothing was written.
        """
        promised = self.promised + 1
        if not self._has_room(len(record), promised):
            self._grow(len(record), promised)
        self.promised = promised
        return self._write(record)

    def settle(self, record: bytes) -> Segment:
        """Write an entry into the room that was set aside for it."""
        self.promised -= 1
        return self._write(record)

    def add(self, record: bytes) -> Segment:
        """Write an entry that no room was set aside for.

        Raises:
            StoreError: there is no room but what others were promised. Nothing was written.
        """
        if not self._has_room(len(record), self.promised):
            self._grow(len(record), self.promised)
        return self._write(record)

    def sweep(self, renew_s: float) -> None:
        """Remove the segments of which nothing is needed (`held` is 0). Not while `sync` runs.

        The current one is replaced when it is older than `renew_s` seconds: a crash replays what its segments hold,
        and what the store has forgotten by its retention would come back, could a segment grow that old.
        """
        for segment in [full for full in self._full if not full.held]:
            self._full.remove(segment)
            segment.remove()
        old = self._current
        if old.held or old.end == len(FILE_MAGIC) or self._clock() - old.created_s < renew_s:
            return
        try:
            self._current = self._new_segment()
        except StoreError:
            return  # no room for another: the old one serves on
        old.remove()

    def unsynced(self) -> list[Segment]:
        """The segments with records that a power cut would take."""
        return [segment for segment in (*self._full, self._current) if segment.synced_end < segment.end]

    def sync(self, segments: list[Segment]) -> None:
        """Bring `segments` to the disk. Blocks. Not while `sweep` runs. Raises OSError."""
        for segment in segments:
            segment.sync()
        os.fsync(self._lock)  # the folder: a new file's name

    def close(self) -> None:
        """Let go of everything. What is still needed stays on the disk, to be replayed by whoever starts next."""
        for segment in (*self._full, self._current, *self._spares):
            if segment.held:
                segment.close()
            else:
                segment.remove()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
        os.close(self._lock)

    def _has_room(self, length: int, promised: int) -> bool:
        left = self._current.free - length
        slots = left // RECORD_BYTES_MAX if left >= 0 else -1  # -1: the record will begin a spare segment
        return slots + len(self._spares) * self._slots_per_segment >= promised

    def _grow(self, length: int, promised: int) -> None:
        while not self._has_room(length, promised):
            self._spares.append(self._new_segment())

    def _write(self, record: bytes) -> Segment:
        segment = self._current
        end = segment.end + len(record)
        if end > segment.size:
            segment = self._roll()
            end = segment.end + len(record)
        segment.map[segment.end : end] = record
        segment.end = end
        segment.held += 1
        return segment

    def _roll(self) -> Segment:
        """The next segment, now current."""
        self._full.append(self._current)
        self._current = self._spares.popleft()
        return self._current

    def _new_segment(self) -> Segment:
        self._made += 1
        path = self.folder / f"{self._made:08}{SUFFIX}"
        return Segment(path, self._segment_bytes, self._clock())
