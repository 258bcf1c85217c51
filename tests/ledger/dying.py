"""A process that records calls until it is killed. Run as `python -m tests.ledger.dying WHAT FOLDER URL ROUND`.

`store` says `settled ID` after each settle, writing to the real store. `away` does the same with a store that is away.
`open` reserves one call, says so and waits.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.ledger import Ledger, LedgerSettings
from keywright.store import Store
from tests.store.samples import ENTRY, RESERVATION

SETTINGS = LedgerSettings(flush_interval_s=0.005, batch_entries_max=50, segment_bytes=64 * 1024, waiting_max=10**6)
LIFE_S = 30.0


class Away:
    async def release(self, holder: str) -> None:
        pass

    async def write_entries(self, entries: Sequence[Entry], holder: str) -> int:
        if entries:
            raise StoreError("the database is away")
        return 0


async def record_on(ledger: Ledger, prefix: str) -> None:
    say = sys.stdout.write
    end_s = time.monotonic() + LIFE_S
    number = 0
    while time.monotonic() < end_s:
        for _ in range(20):
            number += 1
            id_ = f"{prefix}_{number:07}"
            ledger.reserve(replace(RESERVATION, id=id_))
            ledger.settle(replace(ENTRY, id=id_))
            say(f"settled {id_}\n")
        await asyncio.sleep(0)


async def main(what: str, folder: str, url: str, prefix: str) -> None:
    store = Away() if what == "away" else await Store.open(url)
    ledger = await Ledger.open(SETTINGS, store, Path(folder), clock=time.time)
    if what == "open":
        ledger.reserve(replace(RESERVATION, id=prefix))
        print("reserved", prefix, flush=True)
        await asyncio.sleep(LIFE_S)
    else:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # a text stream is
        print("ready")
        await record_on(ledger, prefix)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
