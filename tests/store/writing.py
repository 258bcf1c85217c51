"""A process that writes batches. Run as `python -m tests.store.writing URL NAME UNIX_S`: from that moment on.

It says how long the longest took, in seconds.
"""

import asyncio
import sys
import time

from msgspec.structs import replace

from keywright.store import Store
from tests.store.samples import ENTRY

BATCHES, BATCH_ENTRIES = 12, 250


async def main(url: str, name: str, at_s: str) -> None:
    store = await Store.open(url)
    time.sleep(max(0.0, float(at_s) - time.time()))
    took_s = []
    for batch in range(BATCHES):
        entries = [replace(ENTRY, id=f"{name}_{batch}_{number}") for number in range(BATCH_ENTRIES)]
        began = time.monotonic()
        assert await store.write_entries(entries) == BATCH_ENTRIES
        took_s.append(time.monotonic() - began)
    print(max(took_s))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
