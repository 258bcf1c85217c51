"""What does a streamed chunk cost, and how long is it under way? Same dialect and translated, many streams at once."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Final

from bench.client import run_client
from bench.lab import Lab
from bench.sample import Case, Figures
from bench.stream_clients import StreamJob, StreamResult
from bench.target import Lane, Target, raw_request
from bench.upstreams import PACED

LANES: Final[tuple[Lane, ...]] = ("stream", "stream-translated")
STREAMS: Final = (64, 160)
"""6,400 chunks a second, of which almost each is a wake-up of its own, and 16,000, of which several share one."""
WARM_S: Final = 0.5


@contextlib.contextmanager
def streaming(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """Both lanes, for nothing in between and for each program."""
    with lab.targets() as targets:
        yield tuple(
            Case(
                name=f"{lane} s{streams}",
                target=target.name,
                measure=functools.partial(_measure, lab, target, lane, streams),
            )
            for lane in LANES
            for streams in STREAMS
            for target in (lab.direct(), *targets)
        )


def _measure(lab: Lab, target: Target, lane: Lane, streams: int) -> Figures:
    call = target.calls[lane]
    job = StreamJob(
        port=call.port,
        request=raw_request(call),
        streams=streams,
        spread_us=PACED.gap_us,
        warm_s=WARM_S,
        seconds=lab.effort.seconds,
    )
    result, used = run_client("bench.stream_clients", job, StreamResult, lab.cores.load, target.pid)
    figures = {"rate_cps": result.chunks / job.seconds, "p50_us": result.p50_us, "p99_us": result.p99_us}
    if target.pid:
        figures["chunk_cpu_us"] = used.cpu_s * 1e6 / result.chunks
    return figures
