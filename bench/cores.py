"""Which core does what: the program under test has one to itself, everything that serves and loads it has another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

CORES_WANTED: Final = 2


class Cores(Struct, frozen=True):
    """Core numbers. `load`: upstreams and clients. `program`: what is measured. The same one on a one-core machine."""

    load: int
    program: int


def choose() -> Cores:
    """The first two cores that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(load=allowed[0], program=allowed[min(1, len(allowed) - 1)])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started inside runs on `core` only: children inherit the affinity of the thread that starts them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
