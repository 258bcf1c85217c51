"""What does each feature cost? The same call, to gateways with one feature after the other switched on."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bench import payloads, saturation
from bench.gateway import MODEL, NAME, UPSTREAM_KEY, Size, prepare_gateway, serving
from bench.lab import Lab
from bench.process import HOST
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

PROVIDER: Final = """
[providers.vault]
kind = "openai-compatible"
base_url = "{base_url}"
connections_max = 4096
"""
PRICE: Final = f'[[prices]]\nmodel = "vault/{MODEL}"\ninput = "0.15"\noutput = "0.60"\n'
QUICK_STORE: Final = """
[secrets.quick]
kind = "file"
ttl_s = 1
"""


class Feature(Struct, frozen=True):
    """What the configuration says more than the first row's: `{base_url}` and `{key_file}` stand for the upstream and
    a file with its key. `provider`: who is asked.
    """

    extra: str = ""
    provider: str = "edge"


def several(credentials: int) -> str:
    """A provider with that many credentials, by weight."""
    return PROVIDER + PRICE + "".join(map(credential, range(credentials)))


def credential(number: int) -> str:
    """One of several credentials of a provider."""
    return (
        f'[[providers.vault.credentials]]\nname = "c{number}"\napi_key = "env:BENCH_UPSTREAM_KEY"\n'
        f"weight = {number + 1}\n"
    )


FEATURES: Final = {
    "keys, prices, ledger": Feature(),
    "+ rules of the project": Feature(RULES),
    "+ limits": Feature(LIMITS),
    "+ a soft budget": Feature(budget("organisation", soft=True)),
    "+ a budget": Feature(budget("organisation")),
    "+ four budgets": Feature(RULES + FOUR),
    "+ a budget, of 1,000 that are known": Feature(budget("organisation") + THOUSAND),
    "+ all of it": Feature(RULES + LIMITS + FOUR + THOUSAND),
    "a key of a store, read each second": Feature(
        PROVIDER + 'api_key = "quick:{key_file}"\n' + QUICK_STORE + PRICE, "vault"
    ),
    "three credentials of a provider": Feature(several(3), "vault"),
}
"""Each row has its own feature alone, but for "all of it"."""


@contextlib.contextmanager
def features(lab: Lab) -> Iterator[tuple[Case, ...]]:
    """The gateway only, once per row, all running."""
    cases: list[Case] = []
    with contextlib.ExitStack() as stack:
        if any(program.name == NAME for program in lab.programs):
            for name, feature in FEATURES.items():
                folder = lab.new_folder(NAME)
                extra = _filled(feature.extra, folder, lab.upstreams.fixed)
                prepared = prepare_gateway(folder, lab.upstreams, Size(), extra)
                target = stack.enter_context(serving(lab.cores.program, prepared))
                call = replace(target.calls["chat"], body=payloads.openai_request(f"{feature.provider}/{MODEL}"))
                require_answer(NAME, call)
                measure = functools.partial(
                    saturation.measure_calls, lab, (call,), target.pid, CONNECTIONS, lab.effort.seconds
                )
                cases.append(Case(name=name, target=NAME, measure=measure))
        yield tuple(cases)


def _filled(extra: str, folder: Path, upstream: int) -> str:
    key_file = folder / "upstream.key"
    key_file.touch(mode=0o600)
    key_file.write_text(UPSTREAM_KEY, encoding="utf-8")
    return extra.replace("{base_url}", f"http://{HOST}:{upstream}/v1").replace("{key_file}", str(key_file))
