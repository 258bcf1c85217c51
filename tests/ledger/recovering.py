"""A process that brings in dead spools. Run as `python -m tests.ledger.recovering FOLDER URL UNIX_S`.

It looks at the moment `UNIX_S`, as its siblings do, and says how many spools, entries and lost calls it brought in.
"""

import asyncio
import sys
import time
from pathlib import Path

from keywright.ledger.recovery import recover
from keywright.ledger.replay import Replayed
from keywright.store import Store


async def main(folder: str, url: str, at_s: str) -> None:
    store = await Store.open(url)
    total = Replayed()
    time.sleep(max(0.0, float(at_s) - time.time()))
    await recover(Path(folder), store, total)
    print(total.spools, total.entries, total.lost)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
