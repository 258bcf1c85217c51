"""What this process may spend of each budget and limit, and how it gets more: the holder's side of `store/escrow.py`.

A `Lease` is what this process was granted of one account. `held` is what its calls have reserved of that, or spent
and not yet stored; the rest is free. A call takes what it needs of all its leases at once, in memory, or asks the
store (`take`, `obtain`). When it ends, what it did not spend is free again (`settle`); when its entry is stored, what
it spent has left the lease (`stored`). So `granted` here and in the store are the same number, but while a
transaction is under way; and what is under way is out of reach (`away`).

Four kinds of account, one arithmetic:

    money      what is settled is gone for good
    running    comes back whole when the call ends
    requests   comes back at the turn of the minute: a standing share of a rate
    tokens     so too; the difference between what was expected and what was used is corrected at the end

Leases grow with demand: what a process asks for beyond its need doubles while it has to ask more than once a second,
and the store grants half of a fair share at most. What is free and idle goes back at the next look. Recalled leases are
tight: nothing is taken from them without asking, and what becomes free of them goes back at the next look.

A lease lives on while the store is away, for `lease_s`: then nothing is spent from it any more. That, and the bound on
entries that wait (`ledger.py`), is how long calls go on without a store.

All of this is used from the event loop's thread; one task asks, one tends, in turns: a recall that is answered while
a question is under way would be answered without what comes back from there.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.entry import Entry
from keywright.core.errors import StoreError, UnansweredError
from keywright.core.escrow import Answers, Back, Need, Short, Spare, Want
from keywright.core.lease import PER_MINUTE, Claim, Kind, Lease

IDLE_LOOKS: Final = 10
"""Money that was not used between so many looks goes back."""
IDLE_RATE_LOOKS: Final = 1200
BEAT_LOOKS: Final = 40
DRY_S: Final = 0.1
"""For how long a limit that was found used up everywhere is not asked for again, where it may come back any moment."""

_log = logging.getLogger("keywright")


class EscrowStore(Protocol):
    """Who shares out. Every method raises StoreError when it cannot."""

    async def ask(
        self, holder: str, back: Sequence[Back], wants: Sequence[Want], spares: Sequence[Spare], now_s: int
    ) -> Answers: ...
    async def give_back(self, holder: str, back: Sequence[Back], answered: Mapping[str, int]) -> None: ...
    async def recalls(self) -> int: ...
    async def recalled(self, holder: str) -> Mapping[str, int]: ...
    async def unanswered(self, holder: str, recalls: Mapping[str, int], now_s: int) -> bool: ...
    async def introduce(self, holder: str, now_s: int) -> None: ...
    async def live(self, holder: str, now_s: int) -> None: ...
    async def granted(self, holder: str, accounts: Sequence[str], now_s: int) -> Mapping[str, int]: ...
    async def release(self, holder: str) -> None: ...


class EscrowSettings(Struct, frozen=True):
    """`tend_s`: how often recalls are looked for, which a refusal waits for in other processes. `recall_wait_s`: how
    long it does at most, looking every `recall_poll_s`. `tight_s`: for how long after a recall nothing is kept that is
    free; not shorter than that wait, or what one holder gave back may move on before another has answered, and a call
    is refused that had enough left. `lease_s`: for how long leases may be spent from while the store does not answer.
    """

    tend_s: float = 0.1
    recall_wait_s: float = 2.0
    recall_poll_s: float = 0.02
    tight_s: float = 5.0
    lease_s: float = 3600.0


USUAL: Final = EscrowSettings()


class _Asking(Struct, frozen=True, eq=False):
    claims: Sequence[Claim]
    answer: "asyncio.Future[Short | None]"


class Escrow:
    """The leases of one process. `holder` is its name. `close` it after the ledger.

    `before_answer` is awaited before a recall is answered: that what was spent until then is in the store, too.
    Within `nothing_stored` no entry is on its way to the store.
    """

    def __init__(self, store: EscrowStore, holder: str, clock: Clock, settings: EscrowSettings = USUAL) -> None:
        self.holder = holder
        self.before_answer: Callable[[], Awaitable[None]] = _nothing
        self.nothing_stored: Callable[[], AbstractAsyncContextManager[object]] = contextlib.nullcontext
        self.asks = 0
        self.refusals = 0
        self._settings = settings
        self._store = store
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._asking: list[_Asking] = []
        self._refills: list[Lease] = []
        self._doubted: set[Lease] = set()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._rung = asyncio.Event()
        self._lived_us = clock.ticks_us()
        self._has_lapsed = False
        self._is_known = False
        self._recalls = -1
        self._looks = 0
        self._tasks = (
            asyncio.create_task(self._ask_on(), name="escrow asking"),
            asyncio.create_task(self._tend_on(), name="escrow tending"),
        )

    def lease(self, account: str, cap: int, kind: Kind) -> Lease:
        """The lease of `account`, of which there is `cap` in all."""
        lease = self._leases.get(account)
        if lease is None:
            lease = self._leases[account] = Lease(account, cap, kind)
        elif lease.cap != cap:
            self._resize(lease, cap)
        lease.looks = 0  # in use from now on: it may not be forgotten between here and the answer of the store
        return lease

    @property
    def leases(self) -> tuple[Lease, ...]:
        """All there are, for the metrics."""
        return tuple(self._leases.values())

    def take(self, claims: Sequence[Claim], minute: int) -> bool:
        """Take all of `claims` from what is free here, or nothing. `minute`: of the call's start, since 1970."""
        for claim in claims:
            lease = claim.lease
            if lease.minute < minute:
                lease.turn(minute)
            if lease.granted - lease.held - lease.away < claim.amount or lease.is_tight:
                return False
        if self._has_lapsed:
            return False
        for claim in claims:
            lease = claim.lease
            lease.held += claim.amount
            lease.looks = 0
            if lease.granted - lease.held < lease.low and not lease.is_wanted:
                self._refill(lease)
        return True

    async def obtain(self, claims: Sequence[Claim], minute: int) -> Lease | None:
        """Take all of `claims`, from the store what is not free here. Returns the lease that is short; then nothing
        was taken, and nowhere was enough left when it was looked for.

        Raises:
            StoreError: the store cannot be asked.
        """
        for claim in claims:
            if claim.lease.minute < minute:
                claim.lease.turn(minute)
            if claim.lease.dry_until_us > self._clock.ticks_us() and claim.lease.free < claim.amount:
                return self._refused(claim.lease)
        found: dict[str, Short] = {}
        deadline_us = self._clock.ticks_us() + int(self._settings.recall_wait_s * SECOND_US)
        while (short := await self._ask(claims)) is not None:
            if self._is_true(short, found.get(short.account), claims) or self._clock.ticks_us() > deadline_us:
                return self._refused(self._leases[short.account])
            found[short.account] = short
            await self._answered(short, deadline_us)
        return None

    @staticmethod
    def _is_true(short: Short, before: Short | None, claims: Sequence[Claim]) -> bool:
        """Whether there was a moment at which nowhere enough was left. `before`: what the last question found."""
        if short.recall is None:
            return True
        need = next(claim.amount for claim in claims if claim.lease.account == short.account)
        return before is not None and before.left + short.returned - before.returned < need

    def settle(self, claims: Sequence[Claim], charged: Sequence[str], cost: int, tokens: int, minute: int) -> None:
        """A call has ended, at `cost` in the accounts `charged`, with `tokens` used. `minute`: that of its start."""
        for claim in claims:
            spent = cost if claim.lease.account in charged else 0
            claim.lease.end(claim.amount, spent, tokens, minute)

    def give(self, claims: Sequence[Claim], minute: int) -> None:
        """A call gives back all that it took: it never began."""
        for claim in claims:
            lease = claim.lease
            if lease.kind not in PER_MINUTE or lease.minute == minute:
                lease.held -= claim.amount

    def look(self) -> None:
        """Somebody has been recalled: look at once whether it is this process."""
        self._rung.set()

    def stored(self, entries: Sequence[Entry]) -> None:
        """`entries` are in the store, and what they cost has left their leases there."""
        for entry in entries:
            spent = min(entry.cost_picodollars, entry.reserved_picodollars)
            if not spent:
                continue
            for account in entry.reserved:
                lease = self._leases.get(account)
                if lease is not None and account in entry.charged:
                    lease.granted -= spent
                    lease.held -= spent

    async def close(self, *, is_settled: bool) -> None:
        """End. `is_settled`: all that was spent is in the store, so all leases return; else they await the replay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if is_settled and self._is_known:
            with contextlib.suppress(StoreError):
                await self._store.release(self.holder)

    def _refused(self, lease: Lease) -> Lease:
        self.refusals += 1
        now_us = self._clock.ticks_us()
        if lease.kind == "requests":
            unix_us = self._clock.unix_us()
            lease.dry_until_us = max(lease.dry_until_us, now_us + 60 * SECOND_US - unix_us % (60 * SECOND_US))
        elif lease.kind != "money":
            lease.dry_until_us = now_us + int(DRY_S * SECOND_US)
        return lease

    def _resize(self, lease: Lease, cap: int) -> None:
        """The account has another amount in all: what is free of it goes back, so that the store sees to that."""
        lease.cap = cap
        lease.dry_until_us = 0
        lease.tighten(self._tight_until_us())

    def _refill(self, lease: Lease) -> None:
        lease.is_wanted = True
        self._refills.append(lease)
        self._wake.set()

    async def _ask(self, claims: Sequence[Claim]) -> Short | None:
        answer: asyncio.Future[Short | None] = asyncio.get_running_loop().create_future()
        self._asking.append(_Asking(claims, answer))
        self._wake.set()
        try:
            return await answer
        except asyncio.CancelledError:
            if not answer.cancelled() and answer.exception() is None and answer.result() is None:
                for claim in claims:  # it was granted in the very moment in which the caller went
                    claim.lease.held -= claim.amount
            raise

    async def _answered(self, short: Short, deadline_us: int) -> None:
        """Until every living holder has answered the recall, or the deadline."""
        recalls = {short.account: short.recall or 0}
        while self._clock.ticks_us() < deadline_us:
            if not await self._store.unanswered(self.holder, recalls, self._now_s()):
                return
            await asyncio.sleep(self._settings.recall_poll_s)

    async def _ask_on(self) -> None:
        """Bring what has been asked for to the store, all that has gathered meanwhile in one transaction."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            asking, self._asking = [one for one in self._asking if not one.answer.cancelled()], []
            refills, self._refills = self._refills, []
            if asking or refills:
                async with self._turn:
                    await self._ask_once(asking, refills)

    async def _ask_once(self, asking: Sequence[_Asking], refills: Sequence[Lease]) -> None:
        try:
            await self._clear_doubts()
        except BaseException as error:  # noqa: BLE001 - not hidden: whoever asked is told
            self._not_asked(asking, refills, error)
            return
        leases = {claim.lease.account: claim.lease for one in asking for claim in one.claims}
        leases.update((lease.account, lease) for lease in refills)
        back = [Back(lease.account, lease.send_away()) for lease in leases.values()]
        wants = [
            Want(tuple([Need(claim.lease.account, claim.lease.cap, claim.amount) for claim in one.claims]))
            for one in asking
        ]
        spares = [spare for lease in leases.values() if (spare := self._spare(lease, asking)) is not None]
        try:
            if not self._is_known:
                await self._store.introduce(self.holder, self._now_s())
                self._is_known = True
            answers = await self._store.ask(self.holder, back, wants, spares, self._now_s())
        except BaseException as error:  # noqa: BLE001 - not hidden: whoever asked is told
            self._failed(leases, back, error)
            self._not_asked(asking, refills, error)
            return
        self.asks += 1
        self._alive()
        _came_back(leases, back, is_gone=True)
        self._add(leases, answers)
        for one, short in zip(asking, answers.short, strict=True):
            self._tell(one, short)

    def _not_asked(self, asking: Sequence[_Asking], refills: Sequence[Lease], error: BaseException) -> None:
        """Who asked is told that it cannot be known. A defect is logged, and must not end the asking."""
        for lease in refills:
            lease.is_wanted = False
        for one in asking:
            if not one.answer.done():
                one.answer.set_exception(error if isinstance(error, StoreError) else StoreError(repr(error)))
        if not isinstance(error, Exception):
            raise error
        if not isinstance(error, StoreError):
            _log.error("more of budgets and limits could not be asked for", exc_info=error)

    def _failed(self, leases: Mapping[str, Lease], back: Sequence[Back], error: BaseException) -> None:
        """What was asked or given back has failed, and was not done. Where nobody knows whether it was done, what is
        under way stays out of reach until the store says.
        """
        if isinstance(error, UnansweredError):
            self._doubted.update(leases.values())
        else:
            _came_back(leases, back, is_gone=False)

    async def _clear_doubts(self) -> None:
        """Learn of the store what is granted of the leases that are in doubt."""
        if not self._doubted:
            return
        doubted = {lease.account: lease for lease in self._doubted}
        async with self.nothing_stored():
            granted = await self._store.granted(self.holder, list(doubted), self._now_s())
            for account, lease in doubted.items():
                lease.granted, lease.away = granted[account], 0
        self._doubted.clear()

    def _add(self, leases: Mapping[str, Lease], answers: Answers) -> None:
        for account, lease in leases.items():
            extra = answers.spare.get(account, 0)
            lease.granted += extra
            lease.left = answers.left.get(account, 0)
            lease.low = extra // 4
            lease.is_wanted = False
            if account in answers.tight:
                lease.tighten(self._tight_until_us())

    def _tell(self, one: _Asking, short: Short | None) -> None:
        if short is None:
            for claim in one.claims:
                claim.lease.granted += claim.amount
                claim.lease.held += claim.amount if not one.answer.cancelled() else 0
        if not one.answer.done():
            one.answer.set_result(short)

    def _spare(self, lease: Lease, asking: Sequence[_Asking]) -> Spare | None:
        """What the lease would like to have beyond what is wanted now."""
        need = max((claim.amount for one in asking for claim in one.claims if claim.lease is lease), default=0)
        wish = lease.wish(need, self._clock.ticks_us())
        return Spare(lease.account, lease.cap, wish) if wish else None

    def _tight_until_us(self) -> int:
        return self._clock.ticks_us() + int(self._settings.tight_s * SECOND_US)

    async def _tend_on(self) -> None:
        """Answer recalls, give back what is idle, and show that this process lives, also while it holds nothing: who
        shows no life for long is taken for dead.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.tend_s):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self._tend()
                self._alive()
            except StoreError:
                self._has_lapsed = self._clock.ticks_us() - self._lived_us > self._settings.lease_s * SECOND_US
            except Exception:  # noqa: BLE001 - not hidden: a defect here must not end the tending
                _log.exception("leases could not be looked after")

    async def _tend(self) -> None:
        self._looks += 1
        if self._has_lapsed or self._looks % BEAT_LOOKS == 0:
            if self._is_known:
                await self._beat()
            self._forget_spent()
        async with self._turn:
            if any(lease.granted for lease in self._leases.values()):
                await self._answer()
            else:
                self._due()

    async def _beat(self) -> None:
        """Show that this process lives. One that slept for so long that it was released, and holds nothing, begins anew
        with its next question.
        """
        try:
            await self._store.live(self.holder, self._now_s())
        except StoreError:
            is_idle = not any(lease.granted or lease.held for lease in self._leases.values())
            self._is_known = not is_idle
            raise

    async def _answer(self) -> None:
        """Give back what is recalled or idle."""
        await self._clear_doubts()
        answered: Mapping[str, int] = {}
        recalls = await self._store.recalls()
        if recalls != self._recalls:
            answered = await self._store.recalled(self.holder)
            if answered:
                with contextlib.suppress(StoreError):
                    await self.before_answer()
        for account in answered:
            lease = self._leases.get(account)
            if lease is not None:
                lease.tighten(self._tight_until_us())
        leases = self._due()
        if leases or answered:
            await self._return(leases, answered)
        self._recalls = recalls

    def _due(self) -> list[Lease]:
        """A look at all leases, of which there may be 10,000s: those of which something is to go back."""
        now_us, minute = self._clock.ticks_us(), self._clock.unix_us() // (60 * SECOND_US)
        due: list[Lease] = []
        for lease in self._leases.values():
            lease.looks += 1
            if lease.minute != minute:  # it may be later than now: the clock was set back
                lease.turn(minute)
            if lease.is_tight:
                lease.is_tight = lease.tight_until_us > now_us
            idle = IDLE_RATE_LOOKS if lease.kind in PER_MINUTE else IDLE_LOOKS
            if (lease.is_tight or lease.looks > idle) and lease.free > 0:
                due.append(lease)
        return due

    async def _return(self, leases: Sequence[Lease], answered: Mapping[str, int]) -> None:
        by_account = {lease.account: lease for lease in leases}
        back = [Back(lease.account, lease.send_away()) for lease in leases]
        try:
            await self._store.give_back(self.holder, back, answered)
        except BaseException as error:
            self._failed(by_account, back, error)
            raise
        _came_back(by_account, back, is_gone=True)

    def _forget_spent(self) -> None:
        """Forget the leases of which there is nothing: those of budgets' past periods, of keys that went."""
        gone = [
            account
            for account, lease in self._leases.items()
            if not lease.granted and not lease.held and not lease.away and lease.looks > IDLE_RATE_LOOKS
        ]
        for account in gone:
            del self._leases[account]

    def _alive(self) -> None:
        self._lived_us = self._clock.ticks_us()
        self._has_lapsed = False

    def _now_s(self) -> int:
        return self._clock.unix_us() // SECOND_US


def _came_back(leases: Mapping[str, Lease], back: Sequence[Back], *, is_gone: bool) -> None:
    for given in back:
        leases[given.account].came_back(given.amount, is_gone=is_gone)


async def _nothing() -> None:
    """There is nothing to do before a recall is answered."""
