"""What a database error means for the operator."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime

from keywright.core.errors import StoreError, UnansweredError
from keywright.store.address import Address, PostgresAddress

SQLITE: Final = (
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

_TAKES_OVER: Final = "a running gateway goes on by itself as soon as it can"
_PASSWORD: Final = "check the user in the URL and [store] password"  # noqa: S105 - a piece of advice
_TOO_MANY: Final = "raise the server's max_connections, or run fewer workers (each has up to 5)"

POSTGRES: Final = (
    ("28", "does not let us in", f"{_PASSWORD}, and the server's pg_hba.conf"),
    ("3D000", "does not exist on that server", "create it (CREATE DATABASE), or correct the URL"),
    ("3F000", "has no schema to work in", "let the user's search_path name one that exists"),
    ("42501", "does not permit that", "make the user in the URL the owner of the database and its tables"),
    ("25006", "is read-only: a standby, or set so", "let the URL name the primary (target_session_attrs=read-write)"),
    ("53100", "cannot grow: the server's disk is full", f"free space there; {_TAKES_OVER}"),
    ("53300", "has no connection left", _TOO_MANY),
    ("53", "is short of resources", f"look into the server's log; {_TAKES_OVER}"),
    ("55P03", "is locked by another transaction for too long", "end what holds the lock (see pg_locks), or wait"),
    (
        "57014",
        "took too long for a statement, which was ended",
        "see what else the server is busy with, or ask for less",
    ),
    ("57P", "was shut down or is being started", _TAKES_OVER),
    ("25P03", "ended a transaction that did nothing for too long", "see why this process was halted"),
    ("40", "gave the transaction up in favour of another, again and again", "send fewer changes at once"),
    ("58", "cannot be read or written: the server's disk reports an error", "check the disk and the server's log"),
    ("XX", "reports a fault of its own", "look into the server's log; restore a backup if data are damaged"),
    ("F0000", "is named with parameters that make no sense", "correct the URL"),
    ("08", "cannot be reached", f"see that the server runs and the URL is right; {_TAKES_OVER}"),
)
"""The start of PostgreSQL's SQLSTATE, what is wrong, what to do."""

UNCONNECTED: Final = (
    ("too many c", "53300"),
    ("remaining connection slots", "53300"),
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("authentication failed", "28"),
    ('role "', "28"),
    ('database "', "3D000"),
    ("the database system is", "57P"),
    ("session is read-only", "25006"),
    ("session is not read-only", "25006"),
    ("invalid ", "F0000"),
)
"""What the driver says when there is no connection, where it knows no SQLSTATE; in this order. Anything else: 08."""

TRANSIENT: Final = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: the same again may succeed."""
VALUE_CLASSES: Final = ("22", "23")
"""Errors whose text repeats values."""


@contextlib.contextmanager
def explained(address: Address) -> Iterator[None]:
    """Within it, whatever the database raises becomes a StoreError that says what is wrong and what to do.

    Values are never repeated: neither statements nor parameters are part of the message.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        is_unanswered = isinstance(error, DBAPIError) and error.connection_invalidated
        raise (UnansweredError if is_unanswered else StoreError)(sentence(error, address)) from error


def is_transient(error: DBAPIError) -> bool:
    """Whether the transaction may succeed when it is done again."""
    return getattr(error.orig, "sqlstate", None) in TRANSIENT


def sentence(error: BaseException, address: Address) -> str:
    """What is wrong with the database at `address`, and what to do."""
    if isinstance(error, NoConnectionInTime):
        return f"the database {address} is overloaded: no connection became free; send fewer questions at once"
    cause = _driver_error(error)
    if isinstance(address, PostgresAddress):
        return _of_postgres(cause, address)
    name = getattr(cause, "sqlite_errorname", "")
    for start, what, remedy in SQLITE:
        if name.startswith(start):
            return f"the database {address} {what}: {remedy}"
    return f"the database {address} refused: {cause} ({name or type(cause).__name__})"


def _of_postgres(cause: BaseException, address: PostgresAddress) -> str:
    said = _first_line(cause)
    state = getattr(cause, "sqlstate", None) or _state_of_unconnected(cause, said)
    for start, what, remedy in POSTGRES:
        if state.startswith(start):
            return f"the database {address} {what} ({said}): {remedy}"
    if state.startswith(VALUE_CLASSES):
        said = type(cause).__name__
    return f"the database {address} refused: {said} ({state or type(cause).__name__})"


def _state_of_unconnected(cause: BaseException, said: str) -> str:
    """The SQLSTATE of an error that has none; "" for one of the driver's own, which is none of the connection."""
    if type(cause).__name__ not in ("OperationalError", "ConnectionTimeout"):
        return ""
    return next((state for start, state in UNCONNECTED if start in said), "08")


def _first_line(cause: BaseException) -> str:
    """What was said, without the lines that repeat values."""
    diagnosis = getattr(cause, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    lines = str(primary or cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


def _driver_error(error: BaseException) -> BaseException:
    """The driver's error at the bottom of SQLAlchemy's wrapping."""
    seen = error
    while isinstance(seen, SQLAlchemyError):
        deeper = getattr(seen, "orig", None) or seen.__cause__
        if deeper is None:
            return seen
        seen = deeper
    return seen
