"""What a sibling left that died while this process lives on: brought into the store like a dead process's at a start.

A worker that is killed is restarted, and its successor replays its spool. Where nobody starts it again, or a gateway
beside this one died, whoever shares the folder of spools finds it here, when it looks now and then.
"""

from pathlib import Path
from typing import Final

from keywright.ledger.replay import EntryStore, Replayed, replay

BATCH_ENTRIES_MAX: Final = 100
"""Fewer at a time than at a start: this process serves meanwhile, and reading so many holds it up for a millisecond."""


async def recover(folder: Path, store: EntryStore, total: Replayed) -> bool:
    """Bring in every spool in `folder` whose process is gone, and add what was found to `total`.

    Returns whether there was any. Costs a look at the folder when there was none. A spool that another process brings
    in at the same moment is left to it.

    Raises:
        StoreError: the store failed, or a spool cannot be read. It stays, for the next time.
    """
    before = total.spools
    await replay(folder, store, BATCH_ENTRIES_MAX, total)
    return total.spools > before
