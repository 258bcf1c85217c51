"""One database, opened: transactions, each one function that runs in a thread, from BEGIN to COMMIT.

An asynchronous driver in its place hands each statement to its thread singly, three times over, and under load a
hand-over costs more than the statement (docs/rfd/008-edge.md).
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from keywright.core.secret import Secret
from keywright.store.address import Address, PostgresAddress, parsed
from keywright.store.engine import CONNECTIONS_MAX, engine_for
from keywright.store.intent import INTENTS, Intent, intending
from keywright.store.migration import migrate
from keywright.store.trouble import explained, is_transient

THREAD_NICENESS: Final = 5
"""Above the process's. Not more: a thread that is never run may hold Python's global lock meanwhile."""

RETRY_PAUSES_S: Final = (0.0, 0.01, 0.05, 0.2)
"""Before a transaction is repeated that the database gave up in favour of another. Then it fails."""

ResultT = TypeVar("ResultT")


class Database:
    """Every method raises StoreError, which says what is wrong and what to do.

    Who calls `write` is alone: no other `write` runs until it has ended, here or in another process, so it may decide
    by what it has read. Who calls `write_beside` does not need that, because it first locks the rows by which it
    decides, or only inserts and adds: PostgreSQL has several of them run at a time. They lock rows in one order; of two
    that wait for each other all the same, the database gives one up, and it is repeated.
    So what is done in a transaction may be done again: it changes nothing but the database.

    A write whose caller is cancelled is finished all the same, or undone whole.
    """

    def __init__(self, engine: Engine, address: Address, password: Secret | None) -> None:
        self.address = address
        self.password = password
        self._engine = engine
        self._engines = {intent: intending(engine, intent) for intent in INTENTS}
        self._threads = _threads()
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, password: Secret | None = None) -> "Database":
        """The database at `url`, at the newest revision. A SQLite file is created if there is none.

        Raises:
            StoreError: the URL is wrong; the database cannot be opened, read or written; a newer version wrote it.
        """
        address = parsed(url)
        engine = engine_for(address, password)

        def migrated() -> None:
            with explained(address):
                migrate(engine, address)

        try:
            await asyncio.to_thread(migrated)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, address, password)

    async def close(self) -> None:
        """Close every connection, after what runs has ended. Who asks afterwards opens one again."""
        ended, self._threads = self._threads, _threads()
        await asyncio.to_thread(ended.shutdown)
        self._engine.dispose()

    async def read(self, ask: Callable[[Connection], ResultT]) -> ResultT:
        """What `ask` returns, in a transaction of its own that writes nothing and sees one moment."""
        return await self._in_thread("read", ask)

    async def write(self, do: Callable[[Connection], ResultT]) -> ResultT:
        """What `do` returns, in a transaction of its own, alone; it is undone whole when it raises."""
        async with self._turn:
            return await self._in_thread("write", do)

    async def write_beside(self, do: Callable[[Connection], ResultT]) -> ResultT:
        """What `do` returns, in a transaction of its own beside others; it is undone whole when it raises."""
        if isinstance(self.address, PostgresAddress):
            return await self._in_thread("write_beside", do)
        return await self.write(do)

    async def _in_thread(self, intent: Intent, do: Callable[[Connection], ResultT]) -> ResultT:
        engine = self._engines[intent]

        def once() -> ResultT:
            with engine.begin() as connection:
                return do(connection)

        def transaction() -> ResultT:
            with explained(self.address):
                for pause_s in RETRY_PAUSES_S:
                    try:
                        return once()
                    except DBAPIError as error:
                        if not is_transient(error):
                            raise
                    time.sleep(pause_s)
                return once()

        return await asyncio.get_running_loop().run_in_executor(self._threads, transaction)


def _threads() -> ThreadPoolExecutor:
    """As many as there are connections; none until it is needed."""
    return ThreadPoolExecutor(CONNECTIONS_MAX, thread_name_prefix="store", initializer=_yield_to_calls)


def _yield_to_calls() -> None:
    """Let the event loop's thread go first where both share a core: who makes a call waits, who writes it down can."""
    if sys.platform == "linux":  # where it is the calling thread that becomes nicer, and not the process
        os.nice(THREAD_NICENESS)
