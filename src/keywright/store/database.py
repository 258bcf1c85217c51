"""One database, opened: transactions, each one function that runs in a thread, from BEGIN to COMMIT.

An asynchronous driver in its place hands each statement to its thread singly, three times over, and under load a
hand-over costs more than the statement (docs/rfd/008-edge.md).
"""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine

from keywright.store.address import Address, parsed
from keywright.store.engine import CONNECTIONS_MAX, WRITE, create_file, engine_for
from keywright.store.migration import migrate
from keywright.store.trouble import explained

THREAD_NICENESS: Final = 5
"""Above the process's. Not more: a thread that is never run may hold Python's global lock meanwhile."""

ResultT = TypeVar("ResultT")


class Database:
    """Every method raises StoreError, which says what is wrong and what to do.

    Writes of one process take turns here; those of several wait for each other in the database. A write whose caller is
    cancelled is finished all the same, or undone whole.
    """

    def __init__(self, engine: Engine, address: Address) -> None:
        self.address = address
        self._engine = engine
        self._writer = engine.execution_options(**WRITE)
        self._threads = _threads()
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> "Database":
        """The database at `url`, at the newest revision; created if there is none.

        Raises:
            StoreError: the URL is wrong; the file cannot be opened, read or written; a newer version wrote it.
        """
        address = parsed(url)
        create_file(address)
        engine = engine_for(address)

        def migrated() -> None:
            with explained(address):
                migrate(engine, address)

        try:
            await asyncio.to_thread(migrated)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, address)

    async def close(self) -> None:
        """Close every connection, after what runs has ended. Who asks afterwards opens one again."""
        ended, self._threads = self._threads, _threads()
        await asyncio.to_thread(ended.shutdown)
        self._engine.dispose()

    async def read(self, ask: Callable[[Connection], ResultT]) -> ResultT:
        """What `ask` returns, in a transaction of its own that writes nothing."""
        return await self._in_thread(self._engine, ask)

    async def write(self, do: Callable[[Connection], ResultT]) -> ResultT:
        """What `do` returns, in a transaction of its own that is undone whole when it raises."""
        async with self._turn:
            return await self._in_thread(self._writer, do)

    async def _in_thread(self, engine: Engine, do: Callable[[Connection], ResultT]) -> ResultT:
        def transaction() -> ResultT:
            with explained(self.address), engine.begin() as connection:
                return do(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, transaction)


def _threads() -> ThreadPoolExecutor:
    """As many as there are connections; none until it is needed."""
    return ThreadPoolExecutor(CONNECTIONS_MAX, thread_name_prefix="store", initializer=_yield_to_calls)


def _yield_to_calls() -> None:
    """Let the event loop's thread go first where both share a core: who makes a call waits, who writes it down can."""
    if sys.platform == "linux":  # where it is the calling thread that becomes nicer, and not the process
        os.nice(THREAD_NICENESS)
