"""A real database behind the shelf that worker threads ask, on an event loop of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from keywright.core.clock import SYSTEM_CLOCK
from keywright.house.shelf import LoopShelf
from keywright.store.database import Database
from keywright.store.sealed import SealedSecrets

STEP_S = 20.0
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class Desk:
    """`shelf` for what is under test; the rest for who looks behind it."""

    shelf: LoopShelf
    kept: SealedSecrets
    database: Database
    loop: asyncio.AbstractEventLoop

    def run(self, question: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        """What `question` returns, asked on the loop."""
        return asyncio.run_coroutine_threadsafe(question, self.loop).result(STEP_S)


@contextmanager
def opened(url: str, timeout_s: float = STEP_S) -> Iterator[Desk]:
    """A desk over the database at `url`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop of a shelf")
    thread.start()
    try:
        database = asyncio.run_coroutine_threadsafe(Database.open(url), loop).result(STEP_S)
        kept = SealedSecrets(database)
        try:
            yield Desk(LoopShelf(kept, loop, SYSTEM_CLOCK, timeout_s), kept, database, loop)
        finally:
            asyncio.run_coroutine_threadsafe(database.close(), loop).result(STEP_S)
            asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(STEP_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STEP_S)
        loop.close()
