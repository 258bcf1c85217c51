"""How many whole answers a second, and what does each cost? Same dialect and translated, as fast as it goes."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Final

from bench.cpu import core_busy_s
from bench.lab import Lab
from bench.load import saturate
from bench.sample import Case, Figures
from bench.target import Call, Lane, Target

CASES: Final[tuple[tuple[Lane, int], ...]] = (("chat", 16), ("chat", 64), ("tools", 16), ("tools-back", 16))
WARM_S: Final = 1


@contextlib.contextmanager
def saturation(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """Every lane of whole answers at its concurrency, each program in turn."""
    with lab.targets() as targets:
        for target in targets:
            measure(lab, target, "chat", 64, WARM_S)
        yield tuple(
            Case(
                name=f"{lane} c{connections}",
                target=target.name,
                measure=functools.partial(measure, lab, target, lane, connections, lab.effort.seconds),
            )
            for lane, connections in CASES
            for target in targets
        )


def measure(lab: Lab, target: Target, lane: Lane, connections: int, seconds: int) -> Figures:
    """Requests a second, CPU per request, and how much of its core the program used."""
    return measure_calls(lab, (target.calls[lane],), target.pid, connections, seconds)


def measure_calls(lab: Lab, calls: Sequence[Call], pid: int | None, connections: int, seconds: int) -> Figures:
    """The same for several calls of one target, in turn."""
    busy_s = core_busy_s(lab.cores.program)
    load = saturate(calls, pid, connections, seconds, lab.cores.load, lab.folder)
    wall_s = load.wall_us / 1e6
    return {
        "rps": load.requests / wall_s,
        "cpu_us": load.cpu_s * 1e6 / load.requests,
        "core_percent": load.cpu_s * 100 / wall_s,
        "others_percent": max(0.0, core_busy_s(lab.cores.program) - busy_s - load.cpu_s) * 100 / wall_s,
    }
