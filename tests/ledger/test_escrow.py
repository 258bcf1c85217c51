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
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from keywright.core.clock import SYSTEM_CLOCK, Clock
from keywright.core.entry import Entry, Reservation
from keywright.core.errors import StoreError, UnansweredError
from keywright.core.escrow import Answers, Back, Spare, Want
from keywright.core.lease import Claim
from keywright.ledger.escrow import IDLE_RATE_LOOKS, Escrow, EscrowSettings
from keywright.store import Store
from keywright.store.escrow import ABANDONED_S, EscrowRows
from tests.store.samples import ENTRY, START_S

RUNS = 200 if os.environ.get("KEYWRIGHT_SOAK") else 6
"""On each store."""
HOLDERS, CALLS = 4, 80
CAPS = {"organisation@0": 40_000, "project@0": 15_000, "key@0": 12_000, "model@0": 20_000}
FAST = EscrowSettings(tend_s=0.004, recall_poll_s=0.002, tight_s=5.0, recall_wait_s=5.0)
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


@dataclass(eq=False)
class Hands:
    """A clock that is set by hand; ticks go on by themselves."""

    unix_us: int = START_S * 10**6

    @property
    def clock(self) -> Clock:
        return Clock(unix_us=lambda: self.unix_us, ticks_us=SYSTEM_CLOCK.ticks_us)

    @property
    def minute(self) -> int:
        return self.unix_us // (60 * 10**6)


@pytest.fixture
async def hands() -> Hands:
    return Hands()


@pytest.fixture
async def escrow(store: Store, hands: Hands) -> AsyncIterator[Escrow]:
    it = Escrow(store.escrow, "me", hands.clock, replace(FAST, tend_s=0.001))
    yield it
    await it.close(is_settled=True)


async def taken(escrow: Escrow, hands: Hands, claim: Claim) -> bool:
    return escrow.take([claim], hands.minute) or await escrow.obtain([claim], hands.minute) is None


async def test_a_process_that_holds_nothing_for_days_still_lives(store: Store, escrow: Escrow, hands: Hands) -> None:
    claim = Claim(escrow.lease("total@0", 100, "money"), 10)
    assert await taken(escrow, hands, claim)
    escrow.give([claim], hands.minute)
    async with asyncio.timeout(5):
        while claim.lease.granted:
            await asyncio.sleep(0.005)
    hands.unix_us += (ABANDONED_S + 1) * 10**6
    await asyncio.sleep(0.5)
    assert await store.escrow.release_abandoned("another", hands.unix_us // 10**6) == ()
    assert await taken(escrow, hands, claim)


async def test_a_process_that_was_released_while_it_held_nothing_begins_anew(
    store: Store, escrow: Escrow, hands: Hands
) -> None:
    claim = Claim(escrow.lease("total@0", 100, "money"), 10)
    assert await taken(escrow, hands, claim)
    escrow.give([claim], hands.minute)
    async with asyncio.timeout(5):
        while claim.lease.granted:
            await asyncio.sleep(0.005)
    await store.escrow.release("me")
    await asyncio.sleep(0.5)
    assert await taken(escrow, hands, claim)


async def test_a_clock_that_is_set_back_gives_a_rate_back(escrow: Escrow, hands: Hands) -> None:
    claim = Claim(escrow.lease("key:requests", 1, "requests"), 1)
    assert await taken(escrow, hands, claim)
    hands.unix_us -= 3600 * 10**6
    await asyncio.sleep(0.1)
    assert await taken(escrow, hands, claim)


async def test_a_lease_that_a_call_is_about_to_take_is_not_forgotten(escrow: Escrow, hands: Hands) -> None:
    assert await taken(escrow, hands, Claim(escrow.lease("total@0", 100, "money"), 10))
    lease = escrow.lease("key:running", 1, "running")
    lease.looks = IDLE_RATE_LOOKS * 2
    claim = Claim(escrow.lease("key:running", 1, "running"), 1)
    await asyncio.sleep(0.2)
    assert await taken(escrow, hands, claim)
    assert lease in escrow.leases


class Faulty:
    """A store of budgets whose first question ends by a defect, the others as the real one's."""

    def __init__(self, real: EscrowRows) -> None:
        self._real = real
        self.faults = 1
        self.give_back, self.recalls, self.recalled = real.give_back, real.recalls, real.recalled
        self.unanswered, self.introduce, self.live = real.unanswered, real.introduce, real.live
        self.granted, self.release = real.granted, real.release

    async def ask(
        self, holder: str, back: Sequence[Back], wants: Sequence[Want], spares: Sequence[Spare], now_s: int
    ) -> Answers:
        if self.faults:
            self.faults -= 1
            raise ValueError("a defect")
        return await self._real.ask(holder, back, wants, spares, now_s)


async def test_a_defect_of_one_question_does_not_end_the_asking(store: Store, hands: Hands) -> None:
    escrow = Escrow(Faulty(store.escrow), "me", hands.clock, FAST)
    claim = Claim(escrow.lease("total@0", 100, "money"), 10)
    try:
        with pytest.raises(StoreError):
            await taken(escrow, hands, claim)
        async with asyncio.timeout(5):
            assert await taken(escrow, hands, claim)
    finally:
        await escrow.close(is_settled=True)


class Unheard:
    """A store whose answers are lost after it did what it was told, when `is_deaf`."""

    def __init__(self, store: Store) -> None:
        self.is_deaf = False
        self._rows = store.escrow

    def __getattr__(self, name: str) -> Any:
        done = getattr(self._rows, name)

        async def asked(*words: Any) -> Any:
            answer = await done(*words)
            if self.is_deaf and name in ("ask", "give_back"):
                raise UnansweredError("the connection broke")
            return answer

        return asked


async def granted_of(store: Store) -> int:
    return (await store.escrow.standing(["bud@0"], START_S))["bud@0"].granted


@pytest.mark.parametrize("heard_again_after", [1, 3])
async def test_what_was_done_without_an_answer_is_learnt_of_the_store(
    database_url: str, heard_again_after: int
) -> None:
    store = await Store.open(database_url)
    unheard = Unheard(store)
    escrow = Escrow(unheard, "deaf", SYSTEM_CLOCK, FAST)
    other = Escrow(store.escrow, "other", SYSTEM_CLOCK, FAST)
    lease, theirs = escrow.lease("bud@0", 1000, "money"), other.lease("bud@0", 1000, "money")
    assert await escrow.obtain([Claim(lease, 100)], MINUTE) is None
    unheard.is_deaf = True
    for _ in range(heard_again_after):
        with pytest.raises(UnansweredError):
            await escrow.obtain([Claim(lease, 900)], MINUTE)
    assert lease.granted - lease.held - lease.away <= 0, "nothing is spent that may have been given back"
    unheard.is_deaf = False
    async with asyncio.timeout(30):  # until what was granted unheard has come back, and then until both have told
        while await other.obtain([Claim(theirs, 800)], MINUTE) is not None:
            await asyncio.sleep(0.05)
        while (granted := await granted_of(store)) != lease.granted + theirs.granted:
            await asyncio.sleep(0.01)
    assert granted <= 1000
    await escrow.close(is_settled=True)
    await other.close(is_settled=True)
    await store.close()
