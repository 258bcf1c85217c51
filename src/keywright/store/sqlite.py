"""How SQLite is opened, and what each of its settings promises.

- `journal_mode=WAL`: readers never wait for the writer, and the writer never for readers.
- `synchronous=FULL`: a commit is on the disk when it returns. The ledger removes a spool segment once its entries are
  committed; with NORMAL a power cut could undo such a commit after the segment has gone. Commits are few (batches).
- `busy_timeout`: how long a statement waits for another process's write before it fails as locked.
- `foreign_keys=ON`: SQLite ignores them otherwise.

Writers begin with BEGIN IMMEDIATE: a transaction that reads first and writes later could fail as locked without
waiting. So all writers are alone, whatever they say of themselves.
"""

import os
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from keywright.core.errors import StoreError
from keywright.store.address import SqliteAddress
from keywright.store.intent import intent_of

BUSY_MS: Final = 5000
FILE_MODE: Final = 0o600
"""Of a new database: its user's only. SQLite gives its WAL files the same."""

PRAGMAS: Final = (
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)


def sqlite_engine(address: SqliteAddress, connections_max: int, connection_wait_s: float) -> Engine:
    """An engine for `address`. Connects to nothing yet. One in memory has one connection, used in turns."""
    engine = create_engine(
        URL.create("sqlite", database=None if address.file is None else str(address.file)),
        connect_args={"check_same_thread": False},  # each thread has a connection from the pool, one at a time
        poolclass=QueuePool,
        pool_size=1 if address.file is None else connections_max,
        max_overflow=0,
        pool_timeout=connection_wait_s,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def create_file(address: SqliteAddress) -> None:
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
    connection.exec_driver_sql("BEGIN" if intent_of(connection) == "read" else "BEGIN IMMEDIATE")
