"""The file of a backup: JSON lines, compressed by gzip. `zcat FILE | head -1 | jq` shows what it is.

    {"keywright_backup": 1, "revision": …, "made_s": …, "source": "sqlite", "columns": {TABLE: [NAME, …], …},
     "rows": {TABLE: 12, …}}
    {"table": TABLE, "values": [[…], …]}      as many as there are, the tables in the order of the first line
    {"sha256": …}                             of all lines before

Values are numbers, texts and nulls; binary ones are in base64, amounts without bound are texts.
"""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from keywright.core.errors import StoreError

VERSION: Final = 1
ROWS_PER_LINE: Final = 500
LINE_BYTES: Final = 1 << 20
"""A line is ended when it is as long."""
LINE_BYTES_MAX: Final = 1 << 28
"""What is longer was not written here."""
COMPRESSION: Final = 3

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


def write_archive(
    file: IO[bytes], manifest: Manifest, tables: Iterable[tuple[str, Iterable[Sequence[Any]]]], told: Told
) -> None:
    """Write `tables`, each its name and its rows, to `file`. `manifest` says how many there are.

    Raises:
        OSError: they cannot be written.
    """
    digest = sha256()
    with gzip.GzipFile("", "wb", COMPRESSION, file, manifest.made_s) as packed:
        for line in _lines(manifest, tables, told):
            digest.update(line)
            packed.write(line)
        packed.write(_encode(_End(digest.hexdigest())) + b"\n")


def _lines(manifest: Manifest, tables: Iterable[tuple[str, Iterable[Sequence[Any]]]], told: Told) -> Iterator[bytes]:
    """All lines but the last."""
    yield _encode(manifest) + b"\n"
    done = 0
    for name, all_rows in tables:
        start = b'{"table":' + _encode(name) + b',"values":['
        for rows in _bundles(all_rows):
            yield start + b",".join(rows) + b"]}\n"
            done += len(rows)
            told(done, manifest.total)


def _bundles(all_rows: Iterable[Sequence[Any]]) -> Iterator[list[bytes]]:
    """Rows, as many at a time as make a line."""
    rows: list[bytes] = []
    size = 0
    for row in all_rows:
        rows.append(_encode(tuple(row)))
        size += len(rows[-1])
        if len(rows) == ROWS_PER_LINE or size >= LINE_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


class Archive:
    """A backup that is read, of a database at `revision` whose tables have `columns`: its manifest at once, then its
    rows, once.

    Every method raises StoreError when the file cannot be read, is not sound, or was made by another version.
    """

    def __init__(self, path: Path, revision: str, columns: dict[str, list[str]]) -> None:
        self._path = path
        self._digest = sha256()
        try:
            self._file = gzip.open(path, "rb")  # noqa: SIM115 - closed by whoever entered this
        except OSError as error:
            raise StoreError(f"the backup {path} cannot be read ({error.strerror})") from error
        try:
            self.manifest = self._manifest(revision, columns)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Archive":
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

    def _manifest(self, revision: str, columns: dict[str, list[str]]) -> Manifest:
        line = self._line()
        if not line.startswith(b'{"keywright_backup":'):
            raise StoreError(f"the file {self._path} is no backup of Keywright's")
        manifest: Manifest = self._decoded(line, Manifest)
        if manifest.keywright_backup != VERSION or manifest.revision != revision:
            raise StoreError(
                f"the backup {self._path} was made at revision {manifest.revision}, this version of Keywright restores "
                f"{revision}: restore it with the version that made it, then upgrade"
            )
        if manifest.columns != columns:
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
