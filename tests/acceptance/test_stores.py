"""Stores of secrets in trouble while calls flow: none fails, and a new key is taken up as soon as it is over."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.program import FILE, Program, until, up
from tests.acceptance.scale import SOAK, TEST_S, sized
from tests.acceptance.stores import TIMEOUT_S, Bao, Folder, Ring, Station, Store, aws_sm, azure_kv, env, gcp_sm
from tests.acceptance.traffic import HEADERS, Traffic, traffic
from tests.client import Answer, ask
from tests.gateway import ADMIN_KEY, CHAT, chat_body
from tests.rotation.standins.openai import Key, OpenAi
from tests.vault.bao.server import OpenBao
from tests.vault.conformance.place import FAULTS, Fault

CALLERS: Final = sized(2, 3)
CALLS_IN_TROUBLE: Final = sized(30, 400)
"""With the key of each store, at least."""

CALLS_AFTER: Final = sized(10, 50)
"""With each new key alone."""

WITHIN_S: Final = 120.0

pytestmark = pytest.mark.timeout(TEST_S)


@dataclass
class Stage:
    """A gateway of `workers` processes, whose providers' keys are in `stores`, and the provider behind all of them."""

    program: Program
    provider: OpenAi
    stores: Sequence[Store]
    keys: dict[str, Key]
    workers: int

    def gauge(self, name: str, store: Store) -> dict[str, float]:
        """How many secrets of `store` are in that state, by cause."""
        families = text_string_to_metric_families(self.page())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return {one.labels["cause"]: one.value for one in samples if one.labels["store"] == store.name}

    def call(self, store: Store) -> Answer:
        """One call, with the key in `store`."""
        return ask(self.program.url, "POST", CHAT, json.dumps(chat_body(f"{store.name}/m")).encode(), HEADERS)

    def serves(self, store: Store) -> bool:
        return self.call(store).status == 200

    def page(self) -> str:
        return ask(self.program.url, "GET", "/metrics").body.decode()

    def is_stale(self, store: Store) -> bool:
        """Whether all workers know that `store` is in trouble."""
        return sum(self.gauge("keywright_secrets_stale", store).values()) == self.workers

    def is_well(self, store: Store) -> bool:
        return not self.gauge("keywright_secrets_stale", store) and not self.gauge("keywright_secrets_missing", store)

    def replace(self, store: Store) -> Key:
        """A new key, put into the store. The old one is good until it is `end`ed."""
        key = self.provider.add(store.name)
        store.put(key.value)
        return key

    def end(self, key: Key) -> None:
        """The provider takes it no more."""
        del self.provider.keys[key.id]

    def used(self, key: Key) -> int:
        return self.provider.uses.calls[key.id]

    def check_log(self, struck: Sequence[Store]) -> None:
        """Of each store in trouble the log has told which secret and why, and that it is over; and nothing secret."""
        lines = self.program.err.splitlines()
        for store in struck:
            begun = [line for line in lines if "a secret cannot be read" in line and f"{store.reference}" in line]
            assert begun, store.name
            print(begun[0])
            assert [line for line in lines if line.endswith(f"{store.reference} can be read again")], store.name
        said = self.program.err + self.program.out + self.page()
        values = [key.value for key in self.provider.keys.values()] + [key.value for key in self.keys.values()]
        values += [canary for store in self.stores for canary in store.canaries]
        assert [value for value in values if value in said] == []


def config_of(url: str, stores: Sequence[Store], workers: int, ttl_s: int) -> str:
    text = f'[server]\nport = 0\nworkers = {workers}\n[store]\nurl = "sqlite:///test.db"\n'
    for store in stores:
        text += (
            f"[secrets.{store.name}]\nttl_s = {ttl_s}\ntimeout_s = {TIMEOUT_S}\n{store.table}\n"
            f'[providers.{store.name}]\nkind = "openai"\n'
            f'base_url = "{url}"\napi_key = "{store.reference}"\nmodels = ["m"]\n'
            f'[[prices]]\nmodel = "{store.name}/m"\ninput = "1"\noutput = "1"\n'
        )
    return text


@contextmanager
def staged(
    folder: Path, stores: Sequence[Store], workers: int, ttl_s: int = 1, away: Sequence[Station] = ()
) -> Iterator[Stage]:
    """The gateway, with a key in each store; those that depend on what is `away` are not there when it starts."""
    with OpenAi().open() as provider:
        config = config_of(provider.url, stores, workers, ttl_s)
        (folder / FILE).write_text(config)
        keys = {store.name: provider.add(store.name) for store in stores}
        for store in stores:
            store.put(keys[store.name].value)
        variables = {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, "LLM_KEY": keys["env"].value if "env" in keys else "none"}
        for store in stores:
            variables |= store.variables
        for station in away:
            station.strike("kill")
        with up(folder, config, variables) as program:
            yield Stage(program, provider, stores, keys, workers)
            assert program.stop() == 0


@pytest.fixture
def few(tmp_path: Path) -> Iterator[list[Store]]:
    """A store beyond this machine, and one on it."""
    with gcp_sm(tmp_path) as cloud:
        yield [cloud, Folder(tmp_path / "files" / "llm").file()]


@pytest.fixture
def everything(tmp_path: Path, openbao: OpenBao, moto: str) -> Iterator[list[Store]]:
    """A store of each kind; three depend on one OpenBao."""
    with ExitStack() as stack:
        yield [
            *Bao(openbao, tmp_path).stores(),
            stack.enter_context(aws_sm(moto, tmp_path.name)),
            stack.enter_context(gcp_sm(tmp_path)),
            stack.enter_context(azure_kv(tmp_path)),
            Ring(tmp_path / "ring").store(),
            Folder(tmp_path / "files" / "llm").file(),
            Folder(tmp_path / "variables" / ".env").dotenv(),
            env(),
        ]


@pytest.mark.skipif(not SOAK, reason="takes minutes: part of `make soak`; a short form is below")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_call_fails_while_stores_of_all_kinds_are_in_trouble(
    fault: Fault, everything: list[Store], tmp_path: Path
) -> None:
    with staged(tmp_path, everything, workers=2) as stage:
        drill(stage, fault)


@pytest.mark.skipif(not SOAK, reason="takes minutes: part of `make soak`; a short form is below")
def test_stores_that_are_away_at_the_start_cost_their_credentials_only(everything: list[Store], tmp_path: Path) -> None:
    start_without(everything, tmp_path, workers=2)


@pytest.mark.skipif(not SOAK, reason="takes minutes: part of `make soak`; a short form is tests/house")
def test_keys_that_end_at_their_provider_are_read_anew_at_once(everything: list[Store], tmp_path: Path) -> None:
    changing = [store for store in everything if store.name != "env"]
    with staged(tmp_path, changing, workers=2, ttl_s=3600) as stage:
        models = [f"{store.name}/m" for store in changing]
        with traffic(stage.program.url, models, CALLERS, CALLS_AFTER, WITHIN_S) as seen:
            until(lambda: all(seen.made(model) for model in models), WITHIN_S, "no call is made")
            fresh = [stage.replace(store) for store in changing]
            for store in changing:
                stage.end(stage.keys[store.name])
            use_alone(stage, fresh)
        print(f"{seen.so_far().total()} calls, {seen.failed} failed, {stage.provider.uses.refused} keys refused")
        assert (seen.failed, seen.cut) == (0, 0), seen.said
        assert stage.provider.uses.refused >= len(changing)


def test_a_store_that_is_away_at_the_start_is_used_when_it_is_there_and_no_call_fails_when_it_is_in_trouble_later(
    few: list[Store], tmp_path: Path
) -> None:
    start_without(few, tmp_path, workers=1)


def start_without(stores: Sequence[Store], folder: Path, workers: int) -> None:
    """Start while what is beyond this machine is away; then let it come, and be in trouble once more."""
    away = {store.station for store in stores if "throttle" in store.station.faults}
    lost = [store for store in stores if store.station in away]
    with staged(folder, stores, workers, away=tuple(away)) as stage:
        try:
            for store in stores:
                answer = stage.call(store)
                assert answer.status == (502 if store in lost else 200), answer
                assert store.reference.encode() not in answer.body
            for store in lost:
                assert sum(stage.gauge("keywright_secrets_missing", store).values()) == workers
                assert (
                    f"{store.name} cannot be used until its key can be read: {store.reference}: " in stage.program.err
                )
        finally:
            for station in away:
                station.heal("kill")
        for store in lost:
            until(partial(stage.is_well, store), WITHIN_S, f"{store.name} is still away")
            until(partial(stage.serves, store), WITHIN_S, f"{store.name} is of no use")
            assert f"{store.name} has a key now: " in stage.program.err
        drill(stage, "deny")


def drill(stage: Stage, fault: Fault) -> None:
    """Strike all stores that know `fault`, and heal them, while calls are made with the keys of all."""
    struck = [store for store in stage.stores if fault in store.station.faults]
    models = [f"{store.name}/m" for store in stage.stores]
    with traffic(stage.program.url, models, CALLERS, CALLS_AFTER, WITHIN_S) as seen:
        until(lambda: all(seen.made(model) for model in models), WITHIN_S, "no call is made")
        before, began_s = seen.so_far(), time.monotonic()
        with ExitStack() as trouble:
            for station in {store.station for store in struck}:
                station.strike(fault)
                trouble.callback(station.heal, fault)
            causes = suffer(stage, struck, seen)
        during, took_s = seen.so_far() - before, time.monotonic() - began_s
        take_up_new_keys(stage, struck)
    for store in stage.stores:
        calls = sum(count for (model, _), count in during.items() if model == f"{store.name}/m")
        failed = calls - during[f"{store.name}/m", 200]
        print(
            f"{fault:9}{store.name:9}{causes.get(store.name, ''):7}{calls:6} calls, {failed} failed in {took_s:.1f} s"
        )
    print(f"{seen.so_far().total()} calls, {seen.failed} failed, {seen.cut} cut, {stage.provider.uses.refused} refused")
    assert (seen.failed, seen.cut) == (0, 0), seen.said
    stage.check_log(struck)


def suffer(stage: Stage, struck: Sequence[Store], seen: Traffic) -> dict[str, str]:
    """Wait until all is known to be in trouble, and many calls were made since. The cause of each."""
    for store in struck:
        until(partial(stage.is_stale, store), WITHIN_S, f"{store.name} is not in trouble")
    made = {f"{store.name}/m": seen.made(f"{store.name}/m") for store in stage.stores}
    until(
        lambda: all(seen.made(model) >= count + CALLS_IN_TROUBLE for model, count in made.items()),
        WITHIN_S,
        "there are too few calls",
    )
    for store in stage.stores:
        if store not in struck:
            until(partial(stage.is_well, store), WITHIN_S, f"{store.name} is in trouble as well")
    return {store.name: " ".join(stage.gauge("keywright_secrets_stale", store)) for store in struck}


def take_up_new_keys(stage: Stage, struck: Sequence[Store]) -> None:
    """Once the stores are well, replace the keys in them, and end the old ones as soon as the new are used."""
    for store in struck:
        until(partial(stage.is_well, store), WITHIN_S, f"{store.name} is still in trouble")
    fresh = [stage.replace(store) for store in struck]
    for key in fresh:
        until(partial(stage.used, key), WITHIN_S, f"the new key of {key.name} is not used")
    for store in struck:
        stage.end(stage.keys[store.name])
    use_alone(stage, fresh)


def use_alone(stage: Stage, fresh: Sequence[Key]) -> None:
    """Wait until there were many calls more with these keys."""
    used = {key.id: stage.used(key) for key in fresh}
    until(
        lambda: all(stage.used(key) >= used[key.id] + CALLS_AFTER for key in fresh),
        WITHIN_S,
        "the new keys are not used",
    )
