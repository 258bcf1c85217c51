"""Where is looked: every file as it lies there, and what it holds where that is packed.

A file of a database is read as its pages are, so that what was deleted is found too, and row by row besides, for a
value may go over several pages. Archives are unpacked. Zero bytes are taken out, which makes UTF-16 plain.

Most bytes are no text, so runs of printable bytes are cut out first; within them each place is looked up by its first
bytes. That takes about a minute per gigabyte of text, however many secrets there are.
"""

import gzip
import io
import re
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct
from tools.canary.needles import HEAD_BYTES, Needle

FILE_BYTES_MAX: Final = 512 * 1024 * 1024
UNPACKED_BYTES_MAX: Final = 256 * 1024 * 1024
DEPTH_MAX: Final = 3
"""Archives within archives."""

AROUND_BYTES: Final = 160

_RUN: Final = re.compile(rb"[\n\r\t -~\x80-\xff]{%d,}" % HEAD_BYTES)
_SQLITE: Final = b"SQLite format 3\x00"
_GZIP: Final = b"\x1f\x8b\x08"


class Hit(Struct, frozen=True):
    """A secret where none may be: `place` is a file, and what is within it; `around` what stands there. `is_all`: the
    file says nothing but a secret.
    """

    place: str
    needle: Needle
    around: str
    is_all: bool = False


class Searched(Struct):
    """What has been searched so far."""

    files: int = 0
    texts: int = 0
    size_bytes: int = 0


class Haystack:
    """Searches for `needles`."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self._heads: dict[bytes, list[Needle]] = {}
        self._values: set[bytes] = set()
        self.searched = Searched()
        self.unread: list[str] = []
        known: set[bytes] = set()
        for needle in needles:
            self._values.add(needle.born.value.strip().encode())
            if len(needle.text) >= HEAD_BYTES and needle.text not in known:
                known.add(needle.text)
                self._heads.setdefault(needle.text[:HEAD_BYTES], []).append(needle)

    def folder(self, folder: Path) -> Iterator[Hit]:
        """What is found in the files below `folder`; what cannot be read is named in `unread`."""
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            place = str(path.relative_to(folder))
            if path.stat().st_size > FILE_BYTES_MAX:
                self.unread.append(f"{place}: {path.stat().st_size} bytes")
                continue
            self.searched.files += 1
            yield from self.content(place, path.read_bytes(), path)

    def content(self, place: str, data: bytes, path: Path | None = None, depth: int = 0) -> Iterator[Hit]:
        """What is found in `data`, and in what it holds."""
        yield from self._text(place, data)
        if b"\x00" in data:
            yield from self._text(f"{place} without zeros", data.replace(b"\x00", b""))
        if path is not None and data.startswith(_SQLITE):
            yield from self._text(f"{place} by rows", self._rows(place, path))
        if depth < DEPTH_MAX:
            for name, inner in self._unpacked(place, data):
                yield from self.content(f"{place} > {name}", inner, None, depth + 1)

    def _text(self, place: str, data: bytes) -> Iterator[Hit]:
        self.searched.texts += 1
        self.searched.size_bytes += len(data)
        heads: Mapping[bytes, list[Needle]] = self._heads
        for run in _RUN.finditer(data):
            text, size = run[0], len(run[0])
            for at in [at for at in range(size - HEAD_BYTES + 1) if text[at : at + HEAD_BYTES] in heads]:
                for needle in heads[text[at : at + HEAD_BYTES]]:
                    if text.startswith(needle.text, at):
                        around = text[max(0, at - AROUND_BYTES) : at + len(needle.text) + AROUND_BYTES]
                        is_all = data.strip() in self._values
                        yield Hit(place, needle, around.decode("utf-8", "replace"), is_all)
                        break

    def _rows(self, place: str, path: Path) -> bytes:
        """All that a database of SQLite says, as text."""
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
                return "\n".join(connection.iterdump()).encode("utf-8", "replace")
        except sqlite3.Error as error:
            self.unread.append(f"{place} by rows: {error}")
            return b""

    def _unpacked(self, place: str, data: bytes) -> Iterator[tuple[str, bytes]]:
        try:
            if data.startswith(b"PK\x03\x04"):
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    yield from ((info.filename, archive.read(info)) for info in archive.infolist())
            elif data[257:262] == b"ustar":
                with tarfile.open(fileobj=io.BytesIO(data)) as folder:
                    for member in folder:
                        file = folder.extractfile(member)
                        if file is not None:
                            yield member.name, file.read()
            else:
                for at in [match.start() for match in re.finditer(re.escape(_GZIP), data)]:
                    unpacked = _inflated(data[at:])
                    if unpacked:
                        yield f"gzip at {at}", unpacked
        except (zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError) as error:
            self.unread.append(f"{place}: {error}")


def _inflated(data: bytes) -> bytes:
    """What a member of gzip says, as far as it can be read; b"" where it is none."""
    try:
        return zlib.decompressobj(wbits=31).decompress(data, UNPACKED_BYTES_MAX)
    except zlib.error:
        return b""


def packed(data: bytes) -> bytes:
    """`data` as a member of gzip."""
    return gzip.compress(data, mtime=0)
