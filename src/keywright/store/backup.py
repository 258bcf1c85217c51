"""Backups: all that a database holds, in one file that either kind of database takes back.

`archive.py` describes the file. Keys are in it as the database has them, as digests: there is no secret in a backup.
But there is everything else, so only its owner may read it.

A backup is made in one transaction that sees one moment, while gateways write. It is written beside its final name and
renamed when it is on the disk. A restore is one transaction, too: what turns out to be wrong at the last byte of a file
leaves the database as it was. SQLite's own copies and `pg_dump` are faster for large databases, and restore only to
their own kind.
"""

import os
from base64 import b64decode
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import (
    Connection,
    LargeBinary,
    TableClause,
    Text,
    column,
    delete,
    func,
    literal,
    select,
    table,
    text,
)

from keywright.core.errors import StoreError
from keywright.store.archive import ROWS_PER_LINE, VERSION, Archive, Manifest, Told, write_archive
from keywright.store.bell import CHANNELS, ring
from keywright.store.database import Database
from keywright.store.exact import Exact
from keywright.store.partitions import make_partitions
from keywright.store.postgres import REPLACEMENT
from keywright.store.rows import insert_rows
from keywright.store.schema import COUNTERS, ENTRIES, METADATA, PROJECTS, REVISION

FILE_MODE: Final = 0o600
BORN: Final = frozenset({COUNTERS.name, PROJECTS.name})
"""The tables that an empty database has rows in."""


async def back_up(database: Database, path: Path, made_s: int, told: Told) -> Manifest:
    """Write all that is in `database` to `path`, in place of a file of that name.

    Raises:
        StoreError: the database or the file cannot be read or written. There is no file then, or the one there was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _new_file(beside) as file:
            manifest = await database.read(lambda connection: _dump(connection, file, made_s, told))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StoreError(f"the backup {path} cannot be written ({error.strerror}): choose another place") from error
    finally:
        beside.unlink(missing_ok=True)
    return manifest


def verify(path: Path, told: Told) -> Manifest:
    """The backup at `path`, when all of it is sound and this version can restore it.

    Raises:
        StoreError: it is not, or cannot be read.
    """
    with Archive(path, REVISION, _columns()) as archive:
        for _ in archive.batches(told):
            pass
        return archive.manifest


async def is_empty(database: Database) -> bool:
    """Whether nothing is in the database but what it is born with."""
    return await database.read(_is_empty)


async def restore(database: Database, path: Path, told: Told, *, replace: bool) -> Manifest:
    """Put the backup at `path` in the place of all that is in `database`. No gateway may be running on it.

    Raises:
        StoreError: the file is not sound, or the database is not empty and `replace` does not say that it may be
            emptied. Nothing has changed then.
    """

    def fill(connection: Connection) -> Manifest:
        with Archive(path, REVISION, _columns()) as archive:
            if not replace and not _is_empty(connection):
                raise StoreError(f"the database {database.address} is not empty: a restore would replace what is in it")
            _fill(connection, archive.batches(told))
            return archive.manifest

    return await database.write(fill)


def _new_file(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")


def _dump(connection: Connection, file: IO[bytes], made_s: int, told: Told) -> Manifest:
    tables = _tables()
    manifest = Manifest(
        keywright_backup=VERSION,
        revision=REVISION,
        made_s=made_s,
        source=connection.dialect.name,
        columns=_columns(),
        rows={
            name: connection.execute(select(func.count()).select_from(one)).scalar_one() for name, one in tables.items()
        },
    )
    streaming = connection.execution_options(yield_per=ROWS_PER_LINE)
    rows = ((name, streaming.execute(select(*one.c))) for name, one in tables.items())
    write_archive(file, manifest, rows, told)
    return manifest


def _fill(connection: Connection, batches: Iterator[tuple[str, list[list[Any]]]]) -> None:
    tables = _tables()
    seen = {channel: _counter(connection, channel) for channel in CHANNELS}
    _clear(connection, tables)
    months: set[int] = set()
    for name, rows in batches:
        one = tables[name]
        if name == ENTRIES.name:
            _make_months(connection, one, rows, months)
        _insert(connection, one, rows)
    for channel in CHANNELS:  # beyond what anybody has seen, whichever database that was
        connection.execute(
            COUNTERS.update()
            .where(COUNTERS.c.name == channel)
            .values(value=max(seen[channel], _counter(connection, channel)))
        )
        ring(connection, channel)


def _clear(connection: Connection, tables: dict[str, TableClause]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"TRUNCATE {', '.join(tables)}"))  # and nobody reads or writes them until the end
        return
    for one in tables.values():
        connection.execute(delete(one))


def _insert(connection: Connection, one: TableClause, rows: Sequence[list[Any]]) -> None:
    for place, kind in enumerate(one.c):
        if isinstance(kind.type, LargeBinary):
            for row in rows:
                row[place] = None if row[place] is None else b64decode(row[place])
    keeps_nul = connection.dialect.name == "sqlite"
    insert_rows(connection, one, map(tuple if keeps_nul else _sound, rows))


def _sound(row: Sequence[Any]) -> tuple[Any, ...]:
    """The row with texts that PostgreSQL keeps."""
    return tuple(
        value.replace("\0", REPLACEMENT) if isinstance(value, str) and "\0" in value else value for value in row
    )


def _make_months(connection: Connection, one: TableClause, rows: Sequence[Sequence[Any]], months: set[int]) -> None:
    """Make the partitions of the entries in `rows`; `months`: those days that are known to have theirs."""
    place = _names(one).index(ENTRIES.c.started_us.name)
    days = {row[place] // 86_400_000_000 for row in rows} - months
    for day in sorted(days):
        make_partitions(connection, day * 86_400, day * 86_400)
    months |= days


def _is_empty(connection: Connection) -> bool:
    return not any(
        connection.execute(select(literal(1)).select_from(one).limit(1)).first()
        for name, one in _tables().items()
        if name not in BORN
    )


def _counter(connection: Connection, channel: str) -> int:
    return connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == channel)).scalar() or 0


@cache
def _tables() -> dict[str, TableClause]:
    """The tables by name, with values as the database has them."""
    return {
        str(one.name): table(
            one.name,
            *(column(kept.name, Text() if isinstance(kept.type, Exact) else kept.type) for kept in one.c),
        )
        for one in METADATA.sorted_tables
    }


def _columns() -> dict[str, list[str]]:
    return {name: _names(one) for name, one in _tables().items()}


def _names(one: TableClause) -> list[str]:
    return [str(name) for name in one.c.keys()]  # noqa: SIM118 - a collection of columns, which is no mapping
