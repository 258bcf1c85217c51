"""Does a request cost more when the gateway knows more? The same call, to gateways of very different size."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Final

import msgspec

from bench import saturation
from bench.gateway import NAME, Size, alias_name, gateway
from bench.lab import Lab
from bench.payloads import openai_request
from bench.sample import Case
from bench.target import Target, require_answer

CONNECTIONS: Final = 64
SIZES: Final = (Size(aliases=10), Size(aliases=5_000))


@contextlib.contextmanager
def growth(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """The gateway only, once per size, all running; each is called by its last alias."""
    cases: list[Case] = []
    with contextlib.ExitStack() as stack:
        if any(program.name == NAME for program in lab.programs):
            for size in SIZES:
                program = gateway(lab.cores.program, lab.upstreams, size)
                target = by_last_alias(stack.enter_context(program.prepare(lab.new_folder(NAME))()), size)
                require_answer(target.name, target.calls["chat"])
                measure = functools.partial(
                    saturation.measure, lab, target, "chat", CONNECTIONS, seconds=lab.effort.seconds
                )
                cases.append(Case(name=f"chat, {size.aliases:,} models", target=NAME, measure=measure))
        yield tuple(cases)


def by_last_alias(target: Target, size: Size) -> Target:
    """`target`, whose chat lane names the alias that was configured last."""
    call = target.calls["chat"]
    named = msgspec.structs.replace(call, body=openai_request(alias_name(size.aliases - 1)))
    return msgspec.structs.replace(target, calls={**target.calls, "chat": named})
