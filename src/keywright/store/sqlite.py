"""How SQLite is opened, and what each of its settings promises.

- `journal_mode=WAL`: readers never wait for the writer, and the writer never for readers.
- `synchronous=FULL`: a commit is on the disk when it returns. The ledger removes a spool segment once its entries are
  committed; with NORMAL a power cut could undo such a commit after the segment has gone. Commits are few (batches).
- `busy_timeout`: how long a statement waits for another process's write before it fails as locked.
- `foreign_keys=ON`: SQLite ignores them otherwise.

Writers begin with BEGIN IMMEDIATE: a transaction that reads first and writes later could fail as locked without
waiting. So all writers are alone, whatever they say of themselves.

For their turn they do not wait as SQLite does, which looks ever more rarely, at last ten times a second, so that who
has waited for long is overtaken again and again. They look every other millisecond. Eight processes that wrote 1000
entries each four times a second on two cores: 18,500 entries/s, the longest wait 4.1 s, before; 31,600 and 0.5 s since.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from keywright.core.errors import StoreError
from keywright.store.address import SqliteAddress
from keywright.store.intent import intent_of

BUSY_MS: Final = 5000
LOOK_S: Final = 0.002
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


@contextlib.contextmanager
def patient(connection: Connection, wait_s: float) -> Iterator[None]:
    """Within it, a transaction waits so long for another process's. None may have begun yet."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA busy_timeout={round(wait_s * 1000)}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin does
    cursor = connection.cursor()
    try:
        for pragma in PRAGMAS:
            cursor.execute(pragma)
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    if intent_of(connection) == "read":
        connection.exec_driver_sql("BEGIN")
        return
    held = connection.connection.dbapi_connection
    assert isinstance(held, sqlite3.Connection)
    (wait_ms,) = held.execute("PRAGMA busy_timeout").fetchone()
    held.execute("PRAGMA busy_timeout=0")
    try:
        _begin_to_write(held, wait_ms / 1000)
    finally:
        held.execute(f"PRAGMA busy_timeout={wait_ms}")


def _begin_to_write(held: sqlite3.Connection, wait_s: float) -> None:
    """Begin a transaction when it is this connection's turn.

    Raises:
        sqlite3.OperationalError: it was not within `wait_s`.
    """
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            held.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline_s:
                raise
            time.sleep(LOOK_S)
        else:
            return
