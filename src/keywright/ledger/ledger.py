"""Every call recorded once, whatever happens to this process.

    reserve   the reservation is in the spool        → then the request may go upstream
    settle    the entry is in the spool and queued   → then the answer's last byte may leave
    flush     a batch of entries is in the store     → then the spool forgets them

`reserve` and `settle` neither wait nor do IO: they encode, copy into memory that survives the process (`spool.py`) and
append to a queue. One task writes the queue to the store, in batches, again and again while the store fails. Calls go
on meanwhile until `waiting_max` entries wait; then `reserve` refuses, before anything was sent.

Losing power is another matter than dying: what was spooled since the last flush interval may be gone, not more, since
each flush brings the spool to the disk before it writes to the store.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

from keywright.core.entry import Entry, Reservation
from keywright.core.errors import StoreError
from keywright.ledger.fit import packed_entry, packed_reservation
from keywright.ledger.frame import entry_record, reservation_record
from keywright.ledger.replay import Replayed, replay
from keywright.ledger.segment import Segment
from keywright.ledger.settings import LedgerSettings
from keywright.ledger.spool import Spool


class EntryStore(Protocol):
    """Where entries end up."""

    async def write_entries(self, entries: Sequence[Entry], holder: str) -> int:
        """Keep `entries`, all or none, passing over ids that are kept already. Returns how many were new.

        `holder`: the process that wrote them; their costs leave its leases.

        Raises:
            StoreError: it cannot at the moment.
        """
        ...

    async def release(self, holder: str) -> None:
        """All that the holder ever wrote is kept: what is left of its leases returns. Raises StoreError."""
        ...


class Ledger:
    """The ledger of one process. Used from its event loop's thread.

    Counters, to be read at any time: `written` (entries brought to the store), `retries` (batches that failed and
    will be repeated), `dropped_refusals` (refused calls that there was no room to record), `sync_failures` (the disk
    did not take the spool), `trouble` (why the store fails just now, "" while it does not); `replayed` tells what was
    found at the start. `on_stored` is told what has just been brought to the store.
    """

    def __init__(
        self,
        settings: LedgerSettings,
        store: EntryStore,
        spool: Spool,
        replayed: Replayed,
    ) -> None:
        self.replayed = replayed
        self.written = 0
        self.retries = 0
        self.dropped_refusals = 0
        self.sync_failures = 0
        self.trouble = ""
        self._settings = settings
        self._store = store
        self._spool = spool
        self.on_stored: Callable[[Sequence[Entry]], None] = _nothing
        self._waiting_max = settings.waiting_max
        self._batch_entries_max = settings.batch_entries_max
        self._open: dict[str, Segment] = {}
        self._waiting: deque[tuple[Entry, Segment, Segment | None]] = deque()
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._writer = asyncio.create_task(self._write_on(), name="ledger writer")

    @classmethod
    async def open(
        cls, settings: LedgerSettings, store: EntryStore, folder: Path, *, clock: Callable[[], float], mark: str = "0"
    ) -> "Ledger":
        """A ledger that spools in `folder`, after whatever dead processes left there was brought to `store`.

        `clock` gives Unix seconds. `mark`: random hex digits (`MARK_BYTES`), which tell this ledger from those of other
        machines on the same store; who has the store alone needs none.

        Raises:
            StoreError: the store failed, or `folder` cannot be used.
        """
        replayed = await replay(folder, store, settings.batch_entries_max)
        return cls(settings, store, Spool(folder, settings.segment_bytes, clock, mark), replayed)

    @property
    def holder(self) -> str:
        """The name of this process among those that hold leases: that of its spool."""
        return self._spool.folder.name

    @property
    def waiting(self) -> int:
        """Entries settled and not yet in the store."""
        return len(self._waiting)

    @property
    def reserved(self) -> int:
        """Calls reserved and not yet settled."""
        return len(self._open)

    def reserve(self, reservation: Reservation) -> None:
        """Record that a call is about to go upstream. Each id once; `settle` must follow, whatever happens.

        Raises:
            StoreError: the spool is full, too many entries wait for the store, or too many budgets count for the call.
                Nothing was recorded: the call may not be sent.
        """
        if len(self._waiting) >= self._waiting_max:
            raise StoreError(self._full())
        self._open[reservation.id] = self._spool.reserve(reservation_record(packed_reservation(reservation)))

    def settle(self, entry: Entry) -> None:
        """Record how a call ended. Does not fail for one that was reserved.

        A call that never was (refused before) is recorded too; when there is no room left for it, it is counted in
        `dropped_refusals` instead. An entry too long for a record is shortened (see `fit.py`).
        """
        entry, payload = packed_entry(entry)
        record = entry_record(payload)
        reserved = self._open.pop(entry.id, None)
        if reserved is not None:
            segment = self._spool.settle(record)
        else:
            try:
                if len(self._waiting) >= self._waiting_max:
                    raise StoreError(self._full())
                segment = self._spool.add(record)
            except StoreError:
                self.dropped_refusals += 1
                return
        self._waiting.append((entry, segment, reserved))
        if len(self._waiting) >= self._batch_entries_max:
            self._wake.set()

    @asynccontextmanager
    async def nothing_stored(self) -> AsyncIterator[None]:
        """Within it no entry is on its way to the store."""
        async with self._flushing:
            yield

    async def flush(self) -> None:
        """Return when everything that is settled by now is in the store.

        Raises:
            StoreError: the store failed. The entries stay in spool and queue; the writer goes on trying.
        """
        async with self._flushing:
            await self._sync()
            left = len(self._waiting)
            while left > 0:
                batch = list(islice(self._waiting, min(left, self._batch_entries_max)))
                entries = [entry for entry, _, _ in batch]
                await self._store.write_entries(entries, self.holder)
                self._forget(len(batch))
                self.on_stored(entries)
                left -= len(batch)
            self._spool.sweep(self._settings.renew_s)

    async def close(self) -> None:
        """Bring to the store what it takes within `close_s` and let go of the spool.

        What it does not take, and calls that are still open, stay in the spool for the next start.
        """
        self._closing.set()
        self._wake.set()
        await asyncio.wait((self._writer,), timeout=self._settings.close_s)
        self._writer.cancel()
        try:
            await self._writer
        except asyncio.CancelledError:
            pass
        finally:
            self._spool.close()

    async def _write_on(self) -> None:
        """Flush at every interval, or as soon as a batch is full; while the store fails, ever more slowly."""
        pause_s = self._settings.flush_interval_s
        closing = False
        while not closing:
            await self._pause(pause_s)
            closing = self._closing.is_set()
            try:
                await self.flush()
                self.trouble = ""
                pause_s = self._settings.flush_interval_s
            except Exception as error:  # noqa: BLE001 - not even a defect of the store may end the recording
                self.retries += 1
                self.trouble = str(error) if isinstance(error, StoreError) else repr(error)
                pause_s = min(pause_s * 2, self._settings.retry_s_max)

    async def _pause(self, pause_s: float) -> None:
        woken_by = self._closing if self.trouble else self._wake  # while the store fails, a full batch can wait
        try:
            async with asyncio.timeout(pause_s):
                await woken_by.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _sync(self) -> None:
        segments = self._spool.unsynced()
        if not segments:
            return
        try:
            await asyncio.to_thread(self._spool.sync, segments)
        except OSError:
            self.sync_failures += 1

    def _forget(self, count: int) -> None:
        """The first `count` waiting entries are stored: the spool need not hold them, nor their reservations."""
        for _ in range(count):
            _, segment, reserved = self._waiting.popleft()
            segment.held -= 1
            if reserved is not None:
                reserved.held -= 1
        self.written += count

    def _full(self) -> str:
        return (
            f"{len(self._waiting)} calls wait to be recorded, which is the bound; the store fails: "
            f"{self.trouble or 'it is too slow'}"
        )


def _nothing(_: Sequence[Entry]) -> None:
    """Nobody wants to know what is stored."""
