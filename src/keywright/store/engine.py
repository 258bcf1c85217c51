"""Connections: how SQLite is opened, and what each of its settings promises.

- `journal_mode=WAL`: readers never wait for the writer, and the writer never for readers.
- `synchronous=FULL`: a commit is on the disk when it returns. The ledger removes a spool segment once its entries are
  committed; with NORMAL a power cut could undo such a commit after the segment has gone. Commits are few (batches).
- `busy_timeout`: how long a statement waits for another process's write before it fails as locked.
- `foreign_keys=ON`: SQLite ignores them otherwise.

Writers begin with BEGIN IMMEDIATE: a transaction that reads first and writes later could fail as locked without
waiting. Everything in here is SQLite's own; statements elsewhere in this room are portable.
"""

import os
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from keywright.core.errors import StoreError
from keywright.store.address import Address

BUSY_MS: Final = 5000
CONNECTIONS_MAX: Final = 4
CONNECTION_WAIT_S: Final = 10.0
FILE_MODE: Final = 0o600
"""Of a new database: its user's only. SQLite gives its WAL files the same."""

WRITE: Final = {"keywright_begin": "BEGIN IMMEDIATE"}
"""Execution options of a connection that will write."""

PRAGMAS: Final = (
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)


def engine_for(address: Address) -> Engine:
    """An engine for `address`. Connects to nothing yet. One in memory has one connection, used in turns."""
    engine = create_engine(
        URL.create("sqlite", database=None if address.file is None else str(address.file)),
        connect_args={"check_same_thread": False},  # each thread has a connection from the pool, one at a time
        poolclass=QueuePool,
        pool_size=1 if address.file is None else CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECTION_WAIT_S,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def create_file(address: Address) -> None:
    """Make sure that the database's file exists, readable by its user only when it is new.

    Raises:
        StoreError: its folder is absent or refuses us, or it is not a file.
    """
    if address.file is None:
        return
    try:
        os.close(os.open(address.file, os.O_RDWR | os.O_CREAT, FILE_MODE))
    except OSError as error:
        raise StoreError(
            f"the database {address} cannot be opened for writing ({error.strerror}): create its folder, and give the "
            "user that runs Keywright write access to the file and the folder"
        ) from error


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin does
    cursor = connection.cursor()
    try:
        for pragma in PRAGMAS:
            cursor.execute(pragma)
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("keywright_begin", "BEGIN"))
