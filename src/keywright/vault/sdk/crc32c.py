"""CRC-32C (Castagnoli), by which Google's services let both sides notice what was damaged on the way."""

from functools import cache
from typing import Final

POLYNOMIAL: Final = 0x82F63B78
"""Reflected."""


def crc32c(data: bytes) -> int:
    """The checksum of `data`, unsigned."""
    table = _table()
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    return tuple(_entry(byte) for byte in range(256))


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
    return value
