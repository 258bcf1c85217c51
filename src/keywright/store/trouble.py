"""What a database error means for the operator."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime

from keywright.core.errors import StoreError
from keywright.store.address import Address

ADVICE: Final = (
    ("SQLITE_BUSY", "is locked by another program", "end what else has it open, or wait until its work is done"),
    ("SQLITE_LOCKED", "is locked", "end what else has it open, or wait until its work is done"),
    (
        "SQLITE_READONLY",
        "cannot be written",
        "give the user that runs Keywright write access to the file and its folder",
    ),
    ("SQLITE_NOTADB", "is not a SQLite database", "correct the URL, or move that file away"),
    (
        "SQLITE_CORRUPT",
        "is damaged",
        "stop Keywright and restore the file from a backup (or try `sqlite3 FILE .recover`)",
    ),
    ("SQLITE_FULL", "cannot grow: the disk is full", "free space on its disk; Keywright goes on by itself"),
    ("SQLITE_CANTOPEN", "cannot be opened", "create its folder, and give the user that runs Keywright access to both"),
    ("SQLITE_IOERR", "cannot be read or written: the disk reports an error", "check the disk and the system's log"),
)
"""SQLite's error name (its start), what is wrong, what to do."""


@contextlib.contextmanager
def explained(address: Address) -> Iterator[None]:
    """Within it, whatever the database raises becomes a StoreError that says what is wrong and what to do.

    Values are never repeated: neither statements nor parameters are part of the message.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(_sentence(error, address)) from error


def _sentence(error: Exception, address: Address) -> str:
    cause = _driver_error(error)
    name = getattr(cause, "sqlite_errorname", "")
    for start, what, remedy in ADVICE:
        if name.startswith(start):
            return f"the database {address} {what}: {remedy}"
    if isinstance(error, NoConnectionInTime):
        return f"the database {address} is overloaded: no connection became free; send fewer questions at once"
    return f"the database {address} refused: {cause} ({name or type(cause).__name__})"


def _driver_error(error: BaseException) -> BaseException:
    """The sqlite3 error at the bottom of SQLAlchemy's wrapping."""
    seen = error
    while not isinstance(seen, sqlite3.Error):
        deeper = getattr(seen, "orig", None) or seen.__cause__
        if deeper is None:
            return seen
        seen = deeper
    return seen
