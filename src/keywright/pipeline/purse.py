"""Is there enough for it? Plan → Held: what a call takes of budgets and limits before anything goes upstream.

Everything is taken at once or nothing is. A budget gives the call's worst case and gets back what was not spent. The
common case is a few subtractions in memory; only where this process's leases do not suffice is anything awaited.
"""

import math
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from keywright.core.clock import SECOND_US
from keywright.core.errors import RefusedError, StoreError
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.core.identity import Tags
from keywright.core.lease import Claim, Kind, Lease
from keywright.core.money import to_usd
from keywright.pipeline.settle import likely_tokens, worst_case
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.terms import BudgetTerm, LimitTerm, counts_for
from keywright.pipeline.types import Admitted, Call, Plan
from keywright.pipeline.worth import NOT_DEARER, priced_targets

MINUTE_US: Final = 60 * SECOND_US
BUSY_RETRY_S: Final = 1.0
"""What a client is told to wait whose calls run already in the number allowed."""
WORDS: Final = {"requests": "requests per minute", "tokens": "tokens per minute", "running": "calls at a time"}

Shares: TypeAlias = tuple[tuple[BudgetTerm, str], ...]
"""Budgets with their accounts."""


class Escrow(Protocol):
    """Who knows what is left; see `ledger/escrow.py`. `obtain` raises StoreError when it cannot know."""

    def lease(self, account: str, cap: int, kind: Kind) -> Lease: ...
    def take(self, claims: list[Claim], minute: int) -> bool: ...
    async def obtain(self, claims: list[Claim], minute: int) -> Lease | None: ...
    def settle(self, claims: list[Claim], charged: tuple[str, ...], cost: int, tokens: int, minute: int) -> None: ...
    def give(self, claims: list[Claim], minute: int) -> None: ...


class Held(Struct, frozen=True, gc=False):
    """What a call takes. `worst`: picodollars, of each account in `reserved`; `shares`: where its cost counts."""

    claims: list[Claim]
    worst: int
    minute: int
    tags: Tags
    shares: Shares = ()
    reserved: tuple[str, ...] = ()
    limits: tuple[LimitTerm, ...] = ()

    def charged(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The accounts that what a model of those `names` costs counts in."""
        return tuple([account for term, account in self.shares if counts_for(term.budget, names)])

    def limit_headers(self, now_us: int) -> list[Header]:
        """How fast the caller may go on, by the tightest limit of each kind, in OpenAI's names."""
        headers: list[Header] = []
        for kind, word in ((b"requests", "requests"), (b"tokens", "tokens")):
            leases = [claim.lease for claim in self.claims if claim.lease.kind == word]
            if leases:
                headers += _headers_of(min(leases, key=_remaining), kind, now_us)
        return headers


NOTHING_HELD: Final = Held([], 0, 0, ())


class Need(Struct, frozen=True, gc=False):
    """What the step needs to know of a call beside its plan. `is_free`: it cannot cost anything."""

    call: Call
    snapshot: Snapshot
    is_free: bool


def claimed(plan: Plan, need: Need, escrow: Escrow) -> tuple[Plan, Held]:
    """What the call has to take, and the plan without the candidates that it may not try. Nothing is taken yet.

    Raises:
        RefusedError: 402 `model_unpriced`.
    """
    call, snapshot, admitted = need.call, need.snapshot, plan.admitted
    key = admitted.principal.key
    names = [target.name for target in plan.targets]
    terms = snapshot.bounds.of_call(key, snapshot.keys, call.tags, admitted.intent.peek.model, names)
    now_s, minute = call.started_us // SECOND_US, call.started_us // MINUTE_US
    budgets: tuple[BudgetTerm, ...] = () if need.is_free else terms.budgets
    if budgets:
        plan = _priced(plan, snapshot, now_s)
    worst = 0 if need.is_free else worst_case(admitted.intent.peek, plan.targets, snapshot.routes, now_s)
    if not budgets and not terms.limits:
        return plan, Held([], worst, minute, terms.tags)
    shares = tuple([(term, term.account(now_s)) for term in budgets])
    hard = [(term, account) for term, account in shares if term.budget.hard and worst]
    claims = [Claim(escrow.lease(account, term.budget.picodollars, "money"), worst) for term, account in hard]
    claims += [_claim(term, admitted, escrow) for term in terms.limits]
    reserved = tuple([account for _, account in hard])
    return plan, Held(claims, worst, minute, terms.tags, shares, reserved, terms.limits)


async def take(held: Held, escrow: Escrow, now_us: int) -> None:
    """Take all that a call has to take, or nothing.

    Raises:
        RefusedError: 402 `budget_exceeded`; 429 `rate_limited`; 503 `overloaded`, what is left cannot be known.
    """
    if not held.claims or escrow.take(held.claims, held.minute):
        return
    try:
        short = await escrow.obtain(held.claims, held.minute)
    except StoreError as error:
        message = "what is left of a budget or limit cannot be known now; try again in a moment"
        failure = Failure(kind="overloaded", status=503, code="overloaded", message=message, retry_after_s=1.0)
        raise RefusedError(failure, rule="escrow:unknown") from error
    if short is not None:
        raise _refused(short, held, now_us)


def _priced(plan: Plan, snapshot: Snapshot, now_s: int) -> Plan:
    """The plan with those candidates alone whose price is known, unless the key may do without."""
    admitted = plan.admitted
    if admitted.principal.grant.allows_unpriced:
        return plan
    peek = admitted.intent.peek
    priced = priced_targets(plan.targets, snapshot.routes, now_s, admitted.intent.endpoint, peek.tier)
    if not priced:
        what = f"the model {plan.targets[0].name!r}" if peek.model else "this call"
        if peek.tier not in NOT_DEARER:
            what += f", at the service tier {peek.tier[:50]!r},"
        message = (
            f"{what} has no price, and a budget counts for this key: state one with [[prices]], "
            "or let the key use models without a price"
        )
        raise RefusedError(
            Failure(kind="payment", status=402, code="model_unpriced", message=message), rule="budget:unpriced"
        )
    return plan if len(priced) == len(plan.targets) else Plan(admitted, priced)


def _claim(term: LimitTerm, admitted: Admitted, escrow: Escrow) -> Claim:
    amount = min(likely_tokens(admitted.intent.peek), term.cap) if term.kind == "tokens" else 1
    return Claim(escrow.lease(term.account, term.cap, term.kind), amount)


def _refused(short: Lease, held: Held, now_us: int) -> RefusedError:
    if short.kind == "money":
        budget = next(term.budget for term, account in held.shares if account == short.account)
        message = (
            f"the budget on {budget.on} ({to_usd(budget.picodollars)} USD, {budget.window}) has "
            f"{to_usd(max(0, short.left))} USD left, and this call can cost up to {to_usd(held.worst)} USD"
        )
        failure = Failure(kind="payment", status=402, code="budget_exceeded", message=message)
        return RefusedError(failure, rule=f"budget:{budget.id}")
    on = next(term.on for term in held.limits if term.account == short.account)
    wait_s = BUSY_RETRY_S if short.kind == "running" else _turn_s(now_us)
    message = f"{on} is limited to {short.cap} {WORDS[short.kind]}"
    failure = Failure(kind="rate_limited", status=429, code="rate_limited", message=message, retry_after_s=wait_s)
    return RefusedError(failure, rule=f"limit:{short.account}")


def _remaining(lease: Lease) -> int:
    return max(0, lease.free + max(0, lease.left))


def _headers_of(lease: Lease, kind: bytes, now_us: int) -> list[Header]:
    return [
        (b"x-ratelimit-limit-" + kind, b"%d" % lease.cap),
        (b"x-ratelimit-remaining-" + kind, b"%d" % min(_remaining(lease), lease.cap)),
        (b"x-ratelimit-reset-" + kind, b"%ds" % math.ceil(_turn_s(now_us))),
    ]


def _turn_s(now_us: int) -> float:
    """How many seconds the minute still has."""
    return (MINUTE_US - now_us % MINUTE_US) / SECOND_US
