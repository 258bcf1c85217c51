"""Budgets under many processes: a model beside the real thing, whose every step is checked against it.

Several holders share one real store. Calls come and go at random: some fail, some are given up while they wait, some
holders die in the middle and are replayed. The model knows what is truly left of each account at every moment.

- What is settled and granted never exceeds an account, by a picodollar.
- A call is refused only if at some moment since it came too little was left for it, counting the worst case of all
  that ran: no false block.
- In the end nothing is granted, and what is settled is what the entries say.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from keywright.core.clock import SYSTEM_CLOCK
from keywright.core.entry import Entry, Reservation
from keywright.core.lease import Claim
from keywright.ledger.escrow import Escrow, EscrowSettings
from keywright.store import Store
from tests.store.samples import ENTRY, START_S

RUNS = 200 if os.environ.get("KEYWRIGHT_SOAK") else 6
"""On each store."""
HOLDERS, CALLS = 4, 80
CAPS = {"organisation@0": 40_000, "project@0": 15_000, "key@0": 12_000, "model@0": 20_000}
FAST = EscrowSettings(tend_s=0.004, recall_poll_s=0.002, tight_s=0.05, recall_wait_s=5.0)
MINUTE = 1


@dataclass(eq=False)
class Waiting:
    """A call that has not been answered yet: the least that was left of each account since it came."""

    least: dict[str, int]


@dataclass(eq=False)
class Model:
    """What is truly left of each account: its amount, less what was spent, less the worst case of what runs."""

    left: dict[str, int] = field(default_factory=lambda: dict(CAPS))
    waiting: list[Waiting] = field(default_factory=list)

    def change(self, accounts: tuple[str, ...], amount: int) -> None:
        for account in accounts:
            self.left[account] += amount
        for call in self.waiting:
            for account in accounts:
                call.least[account] = min(call.least[account], self.left[account])

    def doubt(self) -> None:
        """A holder has died: until it is replayed nobody can know what is left."""
        for call in self.waiting:
            call.least = dict.fromkeys(call.least, -1)


@dataclass(eq=False)
class Holder:
    """A process with its spool."""

    escrow: Escrow
    entries: list[Entry] = field(default_factory=list)
    running: dict[str, Reservation] = field(default_factory=dict)
    calls: set["asyncio.Task[None]"] = field(default_factory=set)


class World:
    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.random = random.Random(seed)
        self.model = Model()
        self.holders: list[Holder] = []
        self.born = 0
        self.ids = 0
        self.spent = dict.fromkeys(CAPS, 0)
        self.ok = self.refused = self.lost = 0
        self.in_doubt = 0

    def give_birth(self) -> None:
        self.born += 1
        self.holders.append(Holder(Escrow(self.store.escrow, f"holder_{self.born}", SYSTEM_CLOCK, FAST)))

    async def call(self, holder: Holder) -> None:
        """One call, from its reservation to its entry."""
        chance = self.random
        accounts = tuple(account for account in CAPS if chance.random() < 0.7) or ("key@0",)
        worst = chance.choice((10, 200, 900, 2500))
        claims = [Claim(holder.escrow.lease(account, CAPS[account], "money"), worst) for account in accounts]
        if not holder.escrow.take(claims, MINUTE) and not await self.obtained(holder, claims, worst):
            return
        self.ids += 1
        name = f"call_{self.ids}"
        self.model.change(accounts, -worst)
        holder.running[name] = Reservation(
            name, START_S * 10**6, "key", "project", "d", "chat", "m", worst, accounts, accounts
        )
        cost = 0
        try:
            await asyncio.sleep(chance.random() * 0.01)
            cost = chance.choice((0, 1, worst // 3, worst))
        finally:
            if name in holder.running:
                self.end(holder, name, cost, claims)

    async def obtained(self, holder: Holder, claims: list[Claim], worst: int) -> bool:
        waiting = Waiting(dict(self.model.left))
        if self.in_doubt:
            waiting.least = dict.fromkeys(waiting.least, -1)
        self.model.waiting.append(waiting)
        try:
            short = await holder.escrow.obtain(claims, MINUTE)
        finally:
            self.model.waiting.remove(waiting)
        if short is not None:
            assert waiting.least[short.account] < worst, f"{short.account} had enough left all the time"
            self.refused += 1
        return short is None

    def end(self, holder: Holder, name: str, cost: int, claims: list[Claim]) -> None:
        reservation = holder.running.pop(name)
        entry = replace(
            ENTRY,
            id=name,
            cost_picodollars=cost,
            reserved_picodollars=reservation.worst_picodollars,
            reserved=reservation.reserved,
            charged=reservation.charged,
        )
        holder.entries.append(entry)
        holder.escrow.settle(claims, entry.charged, cost, 0, MINUTE)
        self.charge(entry)
        self.model.change(entry.reserved, reservation.worst_picodollars - cost)
        self.ok += 1

    def charge(self, entry: Entry) -> None:
        for account in entry.charged:
            self.spent[account] += entry.cost_picodollars

    async def flush(self, holder: Holder) -> None:
        batch = holder.entries[:50]
        await self.store.write_entries(batch, holder.escrow.holder)
        if holder in self.holders:
            del holder.entries[: len(batch)]
            holder.escrow.stored(batch)

    async def kill(self) -> None:
        """A holder dies as `kill -9` has it; then its spool is replayed, twice, as a crash in between has it."""
        holder = self.holders.pop(self.random.randrange(len(self.holders)))
        self.in_doubt += 1
        running, entries = dict(holder.running), list(holder.entries)
        holder.running.clear()
        for task in holder.calls:
            task.cancel()
        self.model.doubt()
        await holder.escrow.close(is_settled=False)
        await asyncio.gather(*holder.calls, return_exceptions=True)
        await asyncio.sleep(self.random.random() * 0.02)
        lost = [
            replace(
                ENTRY,
                id=name,
                outcome="lost",
                cost_picodollars=open_.worst_picodollars,
                reserved_picodollars=open_.worst_picodollars,
                reserved=open_.reserved,
                charged=open_.charged,
            )
            for name, open_ in running.items()
        ]
        for _ in range(2):
            await self.store.write_entries(entries, holder.escrow.holder)
            await self.store.write_entries(lost, holder.escrow.holder)
        await self.store.release(holder.escrow.holder)
        for entry in lost:
            self.charge(entry)
        self.lost += len(lost)
        self.in_doubt -= 1
        self.give_birth()

    async def check(self) -> None:
        """What the store says is within what there is."""
        for account, standing in (await self.store.escrow.standing(list(CAPS), START_S)).items():
            assert standing.settled + standing.granted <= CAPS[account], account
            assert standing.settled >= 0
            assert standing.granted >= 0


@asynccontextmanager
async def world(url: str, seed: int) -> AsyncIterator[World]:
    store = await Store.open(url)
    try:
        yield World(store, seed)
    finally:
        await store.close()


async def live(world: World) -> None:
    for _ in range(HOLDERS):
        world.give_birth()
    for number in range(CALLS):
        holder = world.random.choice(world.holders)
        task = asyncio.ensure_future(world.call(holder))
        holder.calls.add(task)
        chance = world.random.random()
        if chance < 0.05:
            asyncio.get_running_loop().call_later(world.random.random() * 0.01, task.cancel)
        elif chance < 0.25:
            await world.flush(holder)
        elif chance < 0.28 and number > 10:
            await world.kill()
        elif chance < 0.4:
            await world.check()
        await asyncio.sleep(world.random.random() * 0.004)


async def end(world: World) -> None:
    for holder in world.holders:
        done = await asyncio.gather(*holder.calls, return_exceptions=True)
        for result in done:
            assert result is None or isinstance(result, asyncio.CancelledError), result
        while holder.entries:
            await world.flush(holder)
        await holder.escrow.close(is_settled=True)


@pytest.mark.parametrize("seed", range(RUNS))
async def test_no_budget_is_exceeded_and_no_call_refused_without_need(database_url: str, seed: int) -> None:
    async with world(database_url, seed) as it:
        await live(it)
        await end(it)
        await it.check()
        standing = await it.store.escrow.standing(list(CAPS), START_S)
        assert {account: found.settled for account, found in standing.items()} == it.spent
        assert all(found.granted == 0 for found in standing.values())
        assert it.ok > 10
