"""Providers called by what the gateway is: tokens renewed under load, their services in trouble, and no call fails."""

import time
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.identities import LIFE_S, Identity, identities
from tests.acceptance.program import command, until, up
from tests.acceptance.scale import SOAK
from tests.acceptance.traffic import traffic
from tests.gateway import ADMIN_KEY
from tests.rotation.standins.base import Misdeed

WORKERS: Final = 2
CALLERS: Final = 4
CALLS_MIN: Final = 10_000
WITHIN_S: Final = 600.0
RENEWALS: Final = 2
"""How many lives of a token the calls last for."""

TROUBLES: Final[tuple[Misdeed, ...]] = ("error", "silent", "throttled", "dropped")


@pytest.mark.skipif(not SOAK, reason="takes minutes: part of `make soak`; a short form is tests/house/test_identity")
@pytest.mark.timeout(1200)
def test_tokens_are_renewed_while_their_services_are_in_trouble_and_ten_thousand_calls_of_each_succeed(
    tmp_path: Path,
) -> None:
    began_s = time.monotonic()
    with identities(tmp_path) as found:
        variables = {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}
        for identity in found.values():
            variables |= identity.variables
        with up(tmp_path, configuration(found), variables) as program:
            models = [f"{name}/{identity.model}" for name, identity in found.items()]
            for _ in range(CALLERS):  # each process has its first tokens before there is any trouble
                with traffic(program.url, models, CALLERS, CALLERS, WITHIN_S) as seen:
                    pass
                assert seen.failed == 0, seen.said
            for number, identity in enumerate(found.values()):
                identity.ill.fall_ill(islice(cycle(TROUBLES), number, None))
            with traffic(program.url, models, CALLERS, CALLS_MIN, WITHIN_S) as seen:
                until(lambda: time.monotonic() > began_s + RENEWALS * LIFE_S, WITHIN_S, "time stands still")
            for identity in found.values():
                identity.ill.recover()
            renewed = command(tmp_path, variables, "rotate", *found, "--yes", "--config", "keywright.toml")
            assert renewed.returncode == 0, renewed.stderr
            assert program.stop() == 0
    for name, identity in found.items():
        made, issued = seen.made(f"{name}/{identity.model}"), len(identity.issuer.issued)
        print(f"{name}: {made} calls, {issued} tokens, {identity.ill.vain} times asked for in vain")
        assert identity.ill.vain > 0
        assert issued >= WORKERS * (1 + RENEWALS)
        assert identity.issuer.uses.refused == 0
    print(f"{seen.failed} failed, {seen.cut} cut, {time.monotonic() - began_s:.0f} s")
    assert (seen.failed, seen.cut) == (0, 0), seen.said


def configuration(found: dict[str, Identity]) -> str:
    providers = "".join(
        f'[providers.{name}]\nbase_url = "{identity.url}"\nmodels = ["{identity.model}"]\n{identity.table}\n'
        f'[[prices]]\nmodel = "{name}/{identity.model}"\ninput = "1"\noutput = "1"\n'
        for name, identity in found.items()
    )
    return f'[server]\nport = 0\nworkers = {WORKERS}\n[store]\nurl = "sqlite:///test.db"\n{providers}'
