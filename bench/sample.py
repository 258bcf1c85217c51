"""What a measurement is, and taking many of them in turn."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

Figures: TypeAlias = dict[str, float]
"""Figure to value. The unit is the last part of the figure's name: cpu_us, rss_mb; without one it is a plain number."""


class Case(Struct, frozen=True):
    """One thing to measure: what is asked, of whom, and how to find it out once."""

    name: str
    target: str
    measure: Callable[[], Figures]


class Sample(Struct, frozen=True):
    """What one round of one case found."""

    question: str
    case: str
    target: str
    figures: Figures


def rounds(question: str, cases: Sequence[Case], count: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Measure every case `count` times, in turn, so that a slow minute of the machine hits all of them alike."""
    for number in range(1, count + 1):
        for case in cases:
            begin_s = time.monotonic()
            figures = case.measure()
            said = " ".join(f"{name}={value:.4g}" for name, value in figures.items())
            took_s = time.monotonic() - begin_s
            say(f"{question} {number}/{count} {case.name} {case.target}: {said} ({took_s:.1f} s)")
            yield Sample(question=question, case=case.name, target=case.target, figures=figures)
