"""How a record lies in a spool segment, and how records are found again after a crash.

A segment is `FILE_MAGIC`, then records, then zeros to its end. A record is

    magic (4 bytes: "kw", kind, format) | length of the payload (u32) | CRC-32 (u32) | payload (MessagePack)

little-endian. The CRC starts from kind and length, so that it covers them too. A process that is killed while it copies
a record leaves a torn one at the end: its CRC does not match, and nothing follows. A bad disk leaves a wrong record in
the middle: the reader looks for the next magic whose record has a right CRC and goes on from there.

MessagePack carries field names: an entry of an older version reads with defaults for the fields that it lacks.
"""

import struct
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias
from zlib import crc32

from msgspec import Struct

from keywright.core.errors import StoreError

FILE_MAGIC: Final = b"kwspool\x01"
FILE_MAGIC_NAME: Final = FILE_MAGIC[:-1]

Kind: TypeAlias = Literal["reservation", "entry"]
MAGICS: Final[dict[Kind, bytes]] = {"reservation": b"kwr\x01", "entry": b"kwe\x01"}
KINDS: Final[dict[bytes, Kind]] = {magic: kind for kind, magic in MAGICS.items()}
MAGIC_START: Final = b"kw"

HEADER: Final = struct.Struct("<4sII")
RECORD_BYTES_MAX: Final = 8192
"""Of a whole record. So much room each open call has set aside for its entry; a longer one is shortened (`fit.py`)."""
PAYLOAD_BYTES_MAX: Final = RECORD_BYTES_MAX - HEADER.size

_pack: Final = HEADER.pack
_RESERVATION: Final = MAGICS["reservation"]
_ENTRY: Final = MAGICS["entry"]
_SEEDS: Final = {magic: crc32(magic) for magic in KINDS}
_RESERVATION_SEED: Final = _SEEDS[_RESERVATION]
_ENTRY_SEED: Final = _SEEDS[_ENTRY]


def reservation_record(payload: bytes) -> bytes:
    """A reservation's record."""
    length = len(payload)
    return _pack(_RESERVATION, length, crc32(payload, _RESERVATION_SEED ^ length)) + payload


def entry_record(payload: bytes) -> bytes:
    """An entry's record."""
    length = len(payload)
    return _pack(_ENTRY, length, crc32(payload, _ENTRY_SEED ^ length)) + payload


class Record(Struct, frozen=True):
    """One whole record."""

    kind: Kind
    payload: bytes


class Damage(Struct, frozen=True):
    """Bytes that are no record although records follow them: `[start, end)` of the segment."""

    start: int
    end: int


def records(data: bytes) -> Iterator[Record | Damage]:
    """What the segment `data` holds, in its order. A torn record at the end is passed over.

    Raises:
        StoreError: it is a spool of another format version, or no spool.
    """
    if not data.startswith(FILE_MAGIC):
        _refuse_foreign(data)
        return
    position = len(FILE_MAGIC)
    while True:
        found = _next(data, position)
        if found is None:
            return
        start, record = found
        if start > position:
            yield Damage(position, start)
        yield record
        position = start + HEADER.size + len(record.payload)


def _next(data: bytes, position: int) -> tuple[int, Record] | None:
    """The first whole record at or behind `position`, and where it starts."""
    while (start := data.find(MAGIC_START, position)) >= 0:
        record = _at(data, start)
        if record is not None:
            return start, record
        position = start + 1
    return None


def _at(data: bytes, start: int) -> Record | None:
    """The record at `start`, if a whole one is there."""
    if start + HEADER.size > len(data):
        return None
    magic, length, crc = HEADER.unpack_from(data, start)
    kind = KINDS.get(magic)
    if kind is None or length > PAYLOAD_BYTES_MAX:
        return None
    payload = data[start + HEADER.size : start + HEADER.size + length]
    if len(payload) < length or crc32(payload, _SEEDS[magic] ^ length) != crc:
        return None
    return Record(kind, payload)


def _refuse_foreign(data: bytes) -> None:
    """A file that was torn while it was made holds the start of the magic or zeros, and nothing else."""
    head = data[: len(FILE_MAGIC)]
    if head.startswith(FILE_MAGIC_NAME):
        raise StoreError(f"a spool has format {head[-1]}, this version of Keywright reads format {FILE_MAGIC[-1]}")
    if head.strip(b"\0") and not FILE_MAGIC.startswith(head.rstrip(b"\0")):
        raise StoreError("a file among the spools is no spool of Keywright's")
