"""A real database behind the shelf that worker threads ask, on an event loop of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select, update

from keywright.core.clock import SYSTEM_CLOCK
from keywright.core.sealed import SealedSecret
from keywright.house.stores.shelf import LoopShelf
from keywright.store.database import Database
from keywright.store.schema import SEALED
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

    def begin(self, question: Coroutine[Any, Any, object]) -> None:
        """Ask `question` on the loop, without waiting for its end."""
        asyncio.run_coroutine_threadsafe(question, self.loop)

    def rows(self) -> list[SealedSecret]:
        """All that is kept, self-tests included."""
        columns = [SEALED.c[name] for name in SealedSecret.__struct_fields__]
        query = select(*columns).order_by(SEALED.c.tenant, SEALED.c.name, SEALED.c.version)
        return self.run(
            self.database.read(lambda connection: [SealedSecret(*row) for row in connection.execute(query)])
        )

    def change(self, row: SealedSecret, **columns: object) -> None:
        """Write `columns` into the row where `row` lies, as whoever controls the storage can."""
        where = (SEALED.c.tenant == row.tenant, SEALED.c.name == row.name, SEALED.c.version == row.version)
        self.run(
            self.database.write(lambda connection: connection.execute(update(SEALED).where(*where).values(**columns)))
        )


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
