"""Where the upstreams listen, and how the paced ones pace."""

from typing import Final

from msgspec import Struct


class Upstreams(Struct, frozen=True):
    """Ports of 127.0.0.1: `fixed` answers at once, `paced` and `slow` stream (see `PACED`, `SLOW`)."""

    fixed: int
    paced: int
    slow: int


class Pace(Struct, frozen=True):
    """How one upstream streams: `chunks` frames, `gap_us` microseconds apart."""

    gap_us: int
    chunks: int


PACED: Final = Pace(gap_us=10_000, chunks=200)
"""A fast model: 100 tokens a second. No two frames of one stream can be merged."""
SLOW: Final = Pace(gap_us=1_000_000, chunks=600)
"""A stream that is open for long and says little, to see what being open costs."""
