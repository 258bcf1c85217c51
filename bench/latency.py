"""How long does a request take at half load? The same arrivals for each program, and for nothing in between."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Final

from bench import saturation
from bench.client import run_client
from bench.lab import Lab
from bench.paced_client import PacedJob, PacedResult
from bench.sample import Case, Figures
from bench.target import Target, raw_request

RATE_MAX: Final = 8_000.0
"""What the client, which shares its core with the upstream, sends without being late itself."""
PROBE_S: Final = 1
CONNECTIONS: Final = 64
WARM_S: Final = 0.5


@contextlib.contextmanager
def latency(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """Half of what the slowest program does when saturated, or `RATE_MAX` if that is less."""
    with lab.targets() as targets:
        saturated = [saturation.measure(lab, target, "chat", CONNECTIONS, PROBE_S)["rps"] for target in targets]
        rate = min(RATE_MAX, min(saturated) / 2)
        yield tuple(
            Case(
                name="chat at half load",
                target=target.name,
                measure=functools.partial(_measure, lab, target, rate),
            )
            for target in (lab.direct(), *targets)
        )


def _measure(lab: Lab, target: Target, rate: float) -> Figures:
    call = target.calls["chat"]
    job = PacedJob(
        port=call.port,
        request=raw_request(call),
        rate=rate,
        connections=CONNECTIONS,
        warm_s=WARM_S,
        seconds=lab.effort.seconds,
    )
    result, used = run_client("bench.paced_client", job, PacedResult, lab.cores.load, target.pid)
    figures = {"rate_rps": result.requests / job.seconds, "p50_us": result.p50_us, "p99_us": result.p99_us}
    if target.pid:
        figures["cpu_us"] = used.cpu_s * 1e6 / result.requests
    return figures
