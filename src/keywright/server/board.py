"""Memory that the workers of one supervisor share: each writes its figures there, and reads those of the others.

The supervisor maps it before it forks the workers, so it has no name, leaves no file and outlives every worker. A place
has two halves; a worker fills the one that does not count and then turns a byte, so that whoever is killed while it
writes leaves what it wrote before. A reader who is overtaken while it copies finds a wrong checksum and copies again.
"""

import mmap
import struct
from typing import Final
from zlib import crc32

PLACE_BYTES: Final = 8 * 2**20
"""Of one worker. Memory is taken only for what is written: some KiB usually, at most what `SERIES_MAX` series of the
longest names need."""
HEAD_BYTES: Final = 64
HALF_BYTES: Final = (PLACE_BYTES - HEAD_BYTES) // 2
TRIES_MAX: Final = 10

EMPTY: Final = 0
WHICH: Final = 0
BURIED: Final = 1
"""Bytes of a place's head: which half counts (1 or 2, `EMPTY` at first), and whether its worker is dead."""

_LENGTH_AND_CRC: Final = struct.Struct("<II")


class Board:
    """`places` places, numbered from 0. Everybody may read all of it; a place is written by one process at a time."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._map = mmap.mmap(-1, places * PLACE_BYTES)

    def write(self, place: int, payload: bytes) -> bool:
        """Have `payload` count at `place`. False: it is too long, and what was there counts on."""
        if len(payload) > HALF_BYTES - _LENGTH_AND_CRC.size:
            return False
        at = place * PLACE_BYTES
        half = 2 if self._map[at + WHICH] == 1 else 1
        start = _start(at, half)
        _LENGTH_AND_CRC.pack_into(self._map, start, len(payload), crc32(payload))
        start += _LENGTH_AND_CRC.size
        self._map[start : start + len(payload)] = payload
        self._map[at + WHICH] = half
        self._map[at + BURIED] = False
        return True

    def read(self, place: int) -> bytes:
        """What counts at `place`; nothing when nobody has written there."""
        at = place * PLACE_BYTES
        for _ in range(TRIES_MAX):
            half = self._map[at + WHICH]
            if half == EMPTY:
                return b""
            start = _start(at, half)
            length, crc = _LENGTH_AND_CRC.unpack_from(self._map, start)
            start += _LENGTH_AND_CRC.size
            payload = self._map[start : start + length]
            if crc32(payload) == crc:
                return payload
        return b""

    def bury(self, place: int) -> None:
        """Say that who wrote at `place` is dead. Whoever writes there next takes that back."""
        self._map[place * PLACE_BYTES + BURIED] = True

    def is_buried(self, place: int) -> bool:
        """Whether who wrote there is dead."""
        return bool(self._map[place * PLACE_BYTES + BURIED])


def _start(at: int, half: int) -> int:
    return at + HEAD_BYTES + (half - 1) * HALF_BYTES
