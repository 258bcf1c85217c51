"""Time, as an argument: nothing in the program reads a clock that it was not given."""

import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

SECOND_US: Final = 1_000_000
"""Microseconds in a second."""


class Clock(Struct, frozen=True):
    """Two readings, both microseconds: `unix_us` for when something was, `ticks_us` for how long it took."""

    unix_us: Callable[[], int]
    ticks_us: Callable[[], int]


SYSTEM_CLOCK: Final = Clock(
    unix_us=lambda: time.time_ns() // 1000,
    ticks_us=lambda: time.perf_counter_ns() // 1000,
)
