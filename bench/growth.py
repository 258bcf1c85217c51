"""Does a request cost more when the gateway knows more? The same call, to gateways of very different size."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Final

import msgspec

from bench import saturation
from bench.gateway import NAME, Prepared, Size, alias_name, prepare_gateway, serving
from bench.lab import Lab
from bench.payloads import openai_request
from bench.sample import Case
from bench.target import Call, require_answer

CONNECTIONS: Final = 64
SIZES: Final = (Size(keys=10, aliases=10), Size(keys=100_000, aliases=10), Size(keys=10, aliases=5_000))
CALLS_MAX: Final = 1_000
"""So many different keys and models are used in turn, so that what is looked up is not always the same."""


@contextlib.contextmanager
def growth(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """The gateway only, once per size, all running."""
    cases: list[Case] = []
    with contextlib.ExitStack() as stack:
        if any(program.name == NAME for program in lab.programs):
            for size in SIZES:
                prepared = prepare_gateway(lab.new_folder(NAME), lab.upstreams, size)
                target = stack.enter_context(serving(lab.cores.program, prepared))
                calls = spread(target.calls["chat"], prepared, size)
                require_answer(NAME, calls[-1])
                measure = functools.partial(
                    saturation.measure_calls, lab, calls, target.pid, CONNECTIONS, lab.effort.seconds
                )
                cases.append(Case(name=f"{size.keys:,} keys, {size.aliases:,} models", target=NAME, measure=measure))
        yield tuple(cases)


def spread(call: Call, prepared: Prepared, size: Size) -> tuple[Call, ...]:
    """`call` with keys and aliases evenly taken from all that there are, at most `CALLS_MAX` of them."""
    count = min(CALLS_MAX, max(size.keys, size.aliases))
    return tuple(
        msgspec.structs.replace(
            call,
            body=openai_request(alias_name(number * size.aliases // count)),
            headers=(("authorization", f"Bearer {prepared.keys[number * size.keys // count]}"),),
        )
        for number in range(count)
    )
