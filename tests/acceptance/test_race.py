"""The budget race: many clients, several workers, hard budgets at every level, and everything that can go wrong.

Clients vanish in the middle of streams, providers fail, workers are killed with `kill -9` and replaced. Whatever
happened: no budget was exceeded by a picodollar, nothing stays reserved, and the ledger holds what the providers say
they served; calls that ran on a killed worker are there at their worst case, marked `lost`.

`make race` does it for a minute with eight workers and 400 clients, on each store.
"""

import asyncio
import contextlib
import os
import random
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keywright.core.budget import Budget, subject
from keywright.core.entry import Entry
from keywright.core.identity import Key, Project, ServiceAccount
from keywright.core.json import JsonObject
from keywright.core.money import from_usd, to_usd
from keywright.identity.keystring import issue
from keywright.store.budgets import Budgets
from keywright.store.history import History
from keywright.store.realms import Realms
from keywright.store.store import Store
from tests.acceptance.crowd import CALL, Seen, Visit, visit
from tests.acceptance.program import FILE, Program, until, up
from tests.acceptance.scale import SOAK, TEST_S, sized
from tests.gateway import CHAT, MESSAGES, chat_body, environment, message_body, toml
from tests.standin.cloud import Exchange, StandIn
from tests.standin.script import Script

WORKERS = sized(3, 8)
CLIENTS = sized(40, 400)
RUN_S = sized(4, 60)
KILL_EVERY_S = sized(2, 7)
KEYS, PROJECTS = sized(6, 20), 2
MODELS = ("openai/gpt-4o", "openai/gpt-4o-mini", "fast", "careful", "anthropic/claude-haiku-4-5")
SEED = 20261125
AMOUNTS = {
    "organisation": sized(60, 1000) / 1000,
    "project": sized(40, 600) / 1000,
    "service-account": sized(35, 500) / 1000,
    "key": sized(20, 80) / 1000,
    "model": sized(40, 500) / 1000,
}
"""US dollars. A call costs some hundred-thousandths and reserves up to a hundredth, so all of them run out."""


@dataclass
class Realm:
    """Who calls, and what may be spent."""

    keys: list[tuple[Key, str]] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)

    def add(self, on: str, usd: float) -> None:
        number = len(self.budgets)
        self.budgets.append(Budget(f"bud_{number}", subject(on), from_usd(f"{usd:.6f}"), "total", int(time.time())))


ENOUGH_USD = CLIENTS * 0.0125 + RUN_S * 0.05
"""The worst case of all clients' calls at once, and more than they can spend meanwhile."""


async def made(url: str, *, enough: bool = False) -> Realm:
    """Projects, service accounts, keys and budgets, in a store that no gateway has opened yet. `enough`: one budget
    alone, in which there is always enough.
    """
    realm, now_s = Realm(), int(time.time())
    store = await Store.open(url)
    realms, budgets = Realms(store.database), Budgets(store.database)
    for number in range(PROJECTS):
        await realms.add(Project(f"project-{number}", now_s))
        await realms.add(ServiceAccount(f"account-{number}", f"project-{number}", now_s))
        realm.add(f"project:project-{number}", AMOUNTS["project"])
        realm.add(f"service-account:account-{number}", AMOUNTS["service-account"])
    for number in range(KEYS):
        issued = issue("service", secrets.token_bytes)
        key = Key(
            issued.id,
            "service",
            f"key {number}",
            issued.sha256,
            now_s,
            project=f"project-{number % PROJECTS}",
            owner=f"account-{number % PROJECTS}",
        )
        await store.add_key(key)
        realm.keys.append((key, issued.secret.reveal()))
        realm.add(f"key:{issued.id}", AMOUNTS["key"])
    realm.add("organisation", AMOUNTS["organisation"])
    realm.add("model:openai/gpt-4o*", AMOUNTS["model"])
    if enough:
        realm.budgets.clear()
        realm.add("organisation", ENOUGH_USD)
    for budget in realm.budgets:
        await budgets.add(budget)
    await store.close()
    return realm


class Crowd:
    """The clients. Each asks again and again, in all the ways there are."""

    def __init__(self, url: str, realm: Realm, faults: Sequence[str]) -> None:
        self.seen: list[Seen] = []
        self._url = url
        self._realm = realm
        self._faults = faults
        self._random = random.Random(SEED)
        self._asked = 0

    async def run(self, until_s: float) -> None:
        await asyncio.gather(*(self._client(until_s) for _ in range(CLIENTS)))

    async def _client(self, until_s: float) -> None:
        while time.monotonic() < until_s:
            self.seen.append(await visit(self._url, self._next()))

    def _next(self) -> Visit:
        chance = self._random
        self._asked += 1
        call = f"call-{self._asked}"
        _, secret = chance.choice(self._realm.keys)
        model = chance.choice(MODELS)
        fault = chance.choice(self._faults) if chance.random() < 0.08 else ""
        text = f"<call {call}> say something {fault}"
        body: JsonObject = {"stream": chance.random() < 0.5, "max_tokens": chance.choice((20, 200, 800))}
        path = MESSAGES if chance.random() < 0.3 else CHAT
        plain = message_body(model, text) if path == MESSAGES else chat_body(model, text)
        leaves = chance.random()
        if leaves < 0.06:
            return Visit(call, path, {**plain, **body}, secret, "waiting", chance.random() * 0.1, rudely=leaves < 0.03)
        if leaves < 0.12:
            return Visit(call, path, {**plain, **body}, secret, "reading", chance.randrange(300, 2000))
        return Visit(call, path, {**plain, **body}, secret)


def race(program: Program, realm: Realm, openai: StandIn, *, kills: bool = True) -> list[Seen]:
    """Let them run, and kill a worker now and then."""
    faults = [
        openai.script(Script(fault="cut", after=3), always=True),
        openai.script(Script(status=500, message="no"), always=True),
        openai.script(Script(words=60, pace_s=0.01), always=True),
        openai.script(Script(fault="reset", after=5), always=True),
    ]
    crowd = Crowd(program.url, realm, faults)
    until_s = time.monotonic() + RUN_S

    async def kill_now_and_then() -> None:
        chance = random.Random(SEED + 1)
        while kills and time.monotonic() + KILL_EVERY_S < until_s:
            await asyncio.sleep(KILL_EVERY_S)
            os.kill(chance.choice(program.workers), signal.SIGKILL)

    async def both() -> None:
        await asyncio.gather(crowd.run(until_s), kill_now_and_then())

    asyncio.run(both())
    return crowd.seen


async def entries_of(store: Store) -> list[Entry]:
    found: list[Entry] = []
    async for batch in History(store.database).batches(0, 2**62):
        found.extend(batch)
    return found


async def check(url: str, realm: Realm, seen: Sequence[Seen], exchanges: Sequence[Exchange]) -> None:
    """What the module says."""
    store = await Store.open(url)
    try:
        entries = await entries_of(store)
        accounts = {f"{budget.id}@0": budget for budget in realm.budgets}
        standing = await store.escrow.standing(list(accounts), int(time.time()))
        for account, budget in accounts.items():
            charged = sum(entry.cost_picodollars for entry in entries if account in entry.charged)
            assert standing[account].settled == charged, f"{budget.on}: another sum than its entries'"
            assert charged <= budget.picodollars, f"{budget.on} is exceeded"
            assert standing[account].granted == 0, f"{budget.on}: something stays reserved"
        _check_entries(entries, seen, exchanges)
        _tell(entries, realm, {account: standing[account].settled for account in accounts})
    finally:
        await store.close()


def _check_entries(entries: Sequence[Entry], seen: Sequence[Seen], exchanges: Sequence[Exchange]) -> None:
    by_call = {dict(entry.tags)["call"]: entry for entry in entries}
    assert len(by_call) == len(entries), "a call is there twice"
    for one in seen:
        if one.complete:
            assert one.visit.call in by_call, (
                f"{one.visit.call} was answered with {one.status} and is not in the ledger"
            )
    for exchange in exchanges:
        found = CALL.search(exchange.raw)
        assert found is not None
        entry = by_call.get(found[1].decode())
        assert entry is not None, f"{found[1]!r} was served and is not in the ledger"
        if entry.outcome == "lost":
            assert entry.cost_picodollars == entry.reserved_picodollars
        elif entry.outcome == "ok" and exchange.used is not None and _answered(exchange, entry):
            assert entry.usage.output_total == exchange.used.output + exchange.used.reasoning, entry


def _answered(exchange: Exchange, entry: Entry) -> bool:
    """Whether it is this provider's answer that the client got: it may have come from the next candidate instead."""
    return entry.provider == ("openai" if exchange.path.startswith(CHAT) else "anthropic")


def _tell(entries: Sequence[Entry], realm: Realm, settled: dict[str, int]) -> None:
    outcomes: dict[str, int] = {}
    for entry in entries:
        name = entry.outcome if entry.code != "budget_exceeded" else "refused by a budget"
        outcomes[name] = outcomes.get(name, 0) + 1
    print(f"{WORKERS} workers, {CLIENTS} clients, {RUN_S} s: {len(entries)} calls, {outcomes}")
    for budget in realm.budgets:
        print(f"  {budget.on!s:<28} {to_usd(settled[f'{budget.id}@0'])} of {to_usd(budget.picodollars)} USD")
    assert outcomes.get("ok", 0) > CLIENTS
    assert outcomes.get("refused by a budget", 0) > 0


@pytest.mark.timeout(TEST_S)
def test_no_budget_is_exceeded_whatever_happens(
    tmp_path: Path, database_url: str, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    realm = asyncio.run(made(database_url))
    with racing(tmp_path, database_url, openai_cloud, anthropic_cloud) as program:
        seen = race(program, realm, openai_cloud)
    assert not any((tmp_path / "test.spool").iterdir()), "a spool is left"
    asyncio.run(check(database_url, realm, seen, [*openai_cloud.exchanges, *anthropic_cloud.exchanges]))


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"] if SOAK else ["sqlite"], indirect=True)
@pytest.mark.timeout(TEST_S)
def test_a_budget_with_enough_left_for_all_that_runs_refuses_nobody(
    tmp_path: Path, database_url: str, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    realm = asyncio.run(made(database_url, enough=True))
    with racing(tmp_path, database_url, openai_cloud, anthropic_cloud) as program:
        seen = race(program, realm, openai_cloud, kills=False)
    statuses = [one.status for one in seen if one.complete]
    assert 402 not in statuses
    assert len(statuses) > CLIENTS


@contextlib.contextmanager
def racing(folder: Path, url: str, openai: StandIn, anthropic: StandIn) -> Iterator[Program]:
    """The gateway, until it has ended in good order and no provider is asked any more."""
    config = toml(openai, anthropic).replace("sqlite:///test.db", url)
    config = (
        config.replace("[store]\n", '[store]\nspool = "test.spool"\n') + f"[server]\nport = 0\nworkers = {WORKERS}\n"
    )
    (folder / FILE).write_text(config)
    with up(folder, config, environment(openai, anthropic)) as program:
        yield program
        until(lambda: openai.running == anthropic.running == 0, 30.0, "providers are still asked")
        assert program.stop() == 0
