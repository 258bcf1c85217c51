"""Sums that may outgrow 64 bits, kept exact.

One entry may cost up to 2⁶³ picodollars (9.2 million USD), so a sum of two may not fit a database's integer: SQLite
raises "integer overflow". Every amount is therefore summed as two halves, `high` = amount ≫ 32 and `low` = the 32 bits
below. Each half of a sum fits 64 bits for 2³¹ rows; they are joined in Python, whose integers have no end.
"""

from typing import Final

HALF_BITS: Final = 32
LOW_MASK: Final = 2**HALF_BITS - 1
INT64_MAX: Final = 2**63 - 1
TOKENS_MAX: Final = 10**12
"""Of one kind in one entry; no call uses so many. Sums of nine million such entries still fit 64 bits, unhalved."""


def halves(amount: int) -> tuple[int, int]:
    """`amount` as high and low half."""
    return amount >> HALF_BITS, amount & LOW_MASK


def joined(high: int, low: int) -> int:
    """The amount, or the sum of amounts, that two halves (or sums of halves) stand for."""
    return (high << HALF_BITS) + low


def bounded(amount: int) -> int:
    """`amount`, at most what a 64-bit column holds: a provider may report any number."""
    return min(amount, INT64_MAX)
