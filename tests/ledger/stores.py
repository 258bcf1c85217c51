"""A real store behind a switch: what the ledger sees while the database is away, or slow."""

import asyncio
from collections.abc import Sequence

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.store import Store


class SwitchedStore:
    """`up` False: every write fails. `gate` cleared: writes wait. `batches`: how large those were that arrived."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.up = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[int] = []

    async def release(self, holder: str) -> None:
        await self.store.release(holder)

    async def write_entries(self, entries: Sequence[Entry], holder: str = "") -> int:
        await self.gate.wait()
        if not self.up:
            raise StoreError("the database is away")
        if entries:
            self.batches.append(len(entries))
        return await self.store.write_entries(entries, holder)
