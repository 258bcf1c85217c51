"""What does each feature cost? The same call, to gateways with one feature after the other switched on."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Final

from bench import saturation
from bench.gateway import NAME, Size, prepare_gateway, serving
from bench.lab import Lab
from bench.sample import Case
from bench.target import require_answer

CONNECTIONS: Final = 64
RULES: Final = """
[projects.default]
models = ["edge/*", "tools/*"]
cidrs = ["127.0.0.0/8", "10.0.0.0/8"]
tags = {team = "bench"}
"""
LIMITS: Final = """
[[limits]]
on = "project:default"
requests_per_min = 9_000_000
tokens_per_min = 900_000_000
concurrency = 9_000
"""


def budget(on: str, *, soft: bool = False) -> str:
    """A budget that the benchmark does not use up."""
    return f'\n[[budgets]]\non = "{on}"\namount = "900000"\nwindow = "month"\nsoft = {str(soft).lower()}\n'


FOUR: Final = "".join(map(budget, ("organisation", "project:default", "tag:team=bench", "model:edge/*")))
THOUSAND: Final = "".join(budget(f"tag:team=other-{number}") for number in range(1000))

FEATURES: Final = {
    "keys, prices, ledger": "",
    "+ rules of the project": RULES,
    "+ limits": LIMITS,
    "+ a soft budget": budget("organisation", soft=True),
    "+ a budget": budget("organisation"),
    "+ four budgets": RULES + FOUR,
    "+ a budget, of 1,000 that are known": budget("organisation") + THOUSAND,
    "+ all of it": RULES + LIMITS + FOUR + THOUSAND,
}
"""What the configuration says more than the first row's. Each row has its own feature alone, but the last."""


@contextlib.contextmanager
def features(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """The gateway only, once per row, all running."""
    cases: list[Case] = []
    with contextlib.ExitStack() as stack:
        if any(program.name == NAME for program in lab.programs):
            for name, extra in FEATURES.items():
                prepared = prepare_gateway(lab.new_folder(NAME), lab.upstreams, Size(), extra)
                target = stack.enter_context(serving(lab.cores.program, prepared))
                call = target.calls["chat"]
                require_answer(NAME, call)
                measure = functools.partial(
                    saturation.measure_calls, lab, (call,), target.pid, CONNECTIONS, lab.effort.seconds
                )
                cases.append(Case(name=name, target=NAME, measure=measure))
        yield tuple(cases)
