"""Backups: all that a database holds, in one file that either kind of database takes back.

The file is JSON lines, compressed by gzip: `zcat FILE | head -1 | jq` shows what it is.

    {"keywright_backup": 1, "revision": …, "made_s": …, "source": "sqlite", "columns": {TABLE: [NAME, …], …},
     "rows": {TABLE: 12, …}}
    {"table": TABLE, "values": [[…], …]}      as many as there are, the tables in the order of the first line
    {"sha256": …}                             of all lines before

Values are numbers, texts and nulls; binary ones are in base64, amounts without bound are texts. Keys are in it as the
database has them, as digests: there is no secret in a backup. But there is everything else, so only its owner may read
it.

A backup is made in one transaction that sees one moment, while gateways write. It is written beside its final name and
renamed when it is on the disk. A restore is one transaction, too: what turns out to be wrong at the last byte of a file
leaves the database as it was. SQLite's own copies and `pg_dump` are faster for large databases, and restore only to
their own kind.
"""

import gzip
import os
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import msgspec
from msgspec import Struct
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
from keywright.store.bell import CHANNELS, ring
from keywright.store.database import Database
from keywright.store.exact import Exact
from keywright.store.partitions import make_partitions
from keywright.store.postgres import REPLACEMENT
from keywright.store.rows import insert_rows
from keywright.store.schema import COUNTERS, ENTRIES, METADATA, PROJECTS, REVISION

VERSION: Final = 1
ROWS_PER_LINE: Final = 500
LINE_BYTES: Final = 1 << 20
"""A line is ended when it is as long."""
LINE_BYTES_MAX: Final = 1 << 28
"""What is longer was not written here."""
FILE_MODE: Final = 0o600
COMPRESSION: Final = 3

BORN: Final = frozenset({COUNTERS.name, PROJECTS.name})
"""The tables that an empty database has rows in."""

Told: TypeAlias = Callable[[int, int], None]
"""Called with how many rows were written or read, now and then, and how many there are in all."""

_encode: Final = msgspec.json.Encoder().encode


class Manifest(Struct, frozen=True):
    """A backup's first line. `made_s` Unix seconds; `rows`: how many, by table."""

    keywright_backup: int
    revision: str
    made_s: int
    source: str
    columns: dict[str, list[str]]
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """How many rows there are in all."""
        return sum(self.rows.values())


class _Values(Struct, frozen=True):
    table: str
    values: list[list[Any]]


class _End(Struct, frozen=True):
    sha256: str


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
    with _Reader(path) as reader:
        for _ in reader.batches(told):
            pass
        return reader.manifest


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
        with _Reader(path) as reader:
            if not replace and not _is_empty(connection):
                raise StoreError(f"the database {database.address} is not empty: a restore would replace what is in it")
            _fill(connection, reader.batches(told))
            return reader.manifest

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
        columns={name: _names(one) for name, one in tables.items()},
        rows={
            name: connection.execute(select(func.count()).select_from(one)).scalar_one() for name, one in tables.items()
        },
    )
    digest = sha256()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=file, mtime=made_s) as packed:
        for line in _written(connection, manifest, tables, told):
            digest.update(line)
            packed.write(line)
        packed.write(_encode(_End(digest.hexdigest())) + b"\n")
    return manifest


def _written(connection: Connection, manifest: Manifest, tables: dict[str, TableClause], told: Told) -> Iterator[bytes]:
    """The lines of a backup but the last."""
    yield _encode(manifest) + b"\n"
    done = 0
    for name, one in tables.items():
        start = b'{"table":' + _encode(name) + b',"values":['
        for rows in _bundles(connection, one):
            yield start + b",".join(rows) + b"]}\n"
            done += len(rows)
            told(done, manifest.total)


def _bundles(connection: Connection, one: TableClause) -> Iterator[list[bytes]]:
    """The rows of a table, as many at a time as make a line."""
    rows: list[bytes] = []
    size = 0
    for row in connection.execution_options(yield_per=ROWS_PER_LINE).execute(select(*one.c)):
        rows.append(_encode(tuple(row)))
        size += len(rows[-1])
        if len(rows) == ROWS_PER_LINE or size >= LINE_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


class _Reader:
    """A backup that is read: its manifest at once, then its rows, once.

    Every method raises StoreError when the file cannot be read, is not sound, or was made by another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = sha256()
        try:
            self._file = gzip.open(path, "rb")  # noqa: SIM115 - closed by whoever entered this
        except OSError as error:
            raise StoreError(f"the backup {path} cannot be read ({error.strerror})") from error
        try:
            self.manifest = self._manifest()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "_Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def batches(self, told: Told) -> Iterator[tuple[str, list[list[Any]]]]:
        """Rows by their table's name; what all of them are is known to be sound only at the end."""
        found = dict.fromkeys(self.manifest.rows, 0)
        while True:
            digest = self._digest.hexdigest()
            line = self._line()
            if line.startswith(b'{"sha256"'):
                break
            batch = self._decoded(line, _Values)
            width = len(self.manifest.columns.get(batch.table, ()))
            if not width or any(len(row) != width for row in batch.values):
                raise self._unsound("it has rows of no table")
            found[batch.table] += len(batch.values)
            yield batch.table, batch.values
            told(sum(found.values()), self.manifest.total)
        if self._decoded(line, _End).sha256 != digest or found != self.manifest.rows:
            raise self._unsound("its checksum or its number of rows is another")
        if self._line(is_end=True):
            raise self._unsound("something follows its end")

    def _manifest(self) -> Manifest:
        line = self._line()
        if not line.startswith(b'{"keywright_backup":'):
            raise StoreError(f"the file {self._path} is no backup of Keywright's")
        manifest: Manifest = self._decoded(line, Manifest)
        if manifest.keywright_backup != VERSION or manifest.revision != REVISION:
            raise StoreError(
                f"the backup {self._path} was made at revision {manifest.revision}, this version of Keywright restores "
                f"{REVISION}: restore it with the version that made it, then upgrade"
            )
        if manifest.columns != {name: _names(one) for name, one in _tables().items()}:
            raise self._unsound("it has other tables")
        return manifest

    def _line(self, *, is_end: bool = False) -> bytes:
        """The next line; none only where `is_end` says that there should be none."""
        try:
            line = self._file.readline(LINE_BYTES_MAX)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._unsound(str(error)) from error
        except OSError as error:
            raise StoreError(f"the backup {self._path} cannot be read ({error.strerror})") from error
        if not is_end and not line.endswith(b"\n"):
            raise self._unsound("it ends too early")
        self._digest.update(line)
        return line

    def _decoded(self, line: bytes, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(line, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._unsound("a line of it cannot be read") from error

    def _unsound(self, why: str) -> StoreError:
        return StoreError(f"the backup {self._path} is damaged ({why}): take another one")


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


def _names(one: TableClause) -> list[str]:
    return [str(name) for name in one.c.keys()]  # noqa: SIM118 - a collection of columns, which is no mapping
