"""Several processes write into one SQLite file at once: none fails, nothing is lost, and nobody waits for long."""

import asyncio
import sys
import time
from pathlib import Path

from keywright.store import Store
from tests.store.samples import START_S
from tests.store.writing import BATCH_ENTRIES, BATCHES

PROCESSES = 8
START_IN_S = 4.0
WAIT_S = 45.0
LONGEST_S_MAX = 4.0
"""Below what SQLite's own way of waiting costs; usually it is less than half a second."""


async def writing(url: str, name: str, at_s: float) -> float:
    """How long the longest batch of that process took."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.writing", url, name, str(at_s)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        said, _ = await process.communicate()
    assert process.returncode == 0
    return float(said)


async def test_processes_that_write_at_once_all_get_their_turn(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    store = await Store.open(url)
    at_s = time.time() + START_IN_S
    longest_s = await asyncio.gather(*(writing(url, f"p{number}", at_s) for number in range(PROCESSES)))
    (row,) = await store.usage((), START_S - 86_400, START_S + 86_400)
    await store.close()
    assert row.calls == PROCESSES * BATCHES * BATCH_ENTRIES
    print(f"longest waits: {sorted(round(each, 2) for each in longest_s)} s")
    assert max(longest_s) < LONGEST_S_MAX
