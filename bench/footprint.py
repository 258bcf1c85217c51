"""What does it take to be there? Time to the first answer, memory when idle, memory for each open stream."""

import contextlib
import functools
import time
from collections.abc import Iterator
from typing import Final

from bench.client import run_client
from bench.cpu import rss_bytes
from bench.errors import BenchError
from bench.lab import Lab
from bench.sample import Case, Figures
from bench.stream_clients import StreamJob, StreamResult
from bench.target import Call, Start, post, raw_request
from bench.upstreams import SLOW

ANSWER_S_MAX: Final = 60.0
PROBE_S: Final = 0.002
IDLE_S: Final = 1.0
OPENING_US: Final = 4_000_000
"""New streams come over four seconds: what is asked is what they hold, not how fast they come."""
WARM_S: Final = 0.5
MB: Final = 1e6
KB: Final = 1e3


@contextlib.contextmanager
def footprint(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """Each program, started afresh every time; preparing (configuration, first key) is not counted."""
    yield tuple(
        Case(
            name=f"start and {lab.effort.streams_open} streams",
            target=program.name,
            measure=functools.partial(_measure, lab, program.prepare(lab.new_folder(program.name))),
        )
        for program in lab.programs
    )


def _measure(lab: Lab, start: Start) -> Figures:
    begin_s = time.monotonic()
    with start() as target:
        assert target.pid is not None
        _await_answer(target.calls["chat"], begin_s + ANSWER_S_MAX)
        started_s = time.monotonic() - begin_s
        time.sleep(IDLE_S)
        idle = rss_bytes(target.pid)
        streams = lab.effort.streams_open
        call = target.calls["open"]
        job = StreamJob(
            port=call.port,
            request=raw_request(call),
            streams=streams,
            spread_us=max(OPENING_US, SLOW.gap_us),
            warm_s=WARM_S,
            seconds=1.0,
        )
        _, used = run_client("bench.stream_clients", job, StreamResult, lab.cores.load, target.pid)
    return {
        "start_ms": started_s * 1e3,
        "idle_mb": idle / MB,
        "open_mb": used.rss_bytes / MB,
        "stream_kb": (used.rss_bytes - idle) / KB / streams,
    }


def _await_answer(call: Call, deadline_s: float) -> None:
    while True:
        with contextlib.suppress(OSError):
            if post(call)[0] == 200:
                return
        if time.monotonic() > deadline_s:
            raise BenchError(f"no answer from {call.path} after {ANSWER_S_MAX:g} s")
        time.sleep(PROBE_S)
