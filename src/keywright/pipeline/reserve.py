"""Is it paid for, whatever happens? The account of one call: reserve, then settle, exactly once.

    with Account(call, snapshot, books) as account:
        …
        plan = await account.reserve(plan)    before anything goes upstream
        …
        account.used(…)              what was used
                                     ← on leaving, by whichever way: one entry in the ledger

Leaving it settles: done, refused, failed, cancelled because the client left or the process shuts down. The entry is
in the spool before `__exit__` returns, and the last byte of the answer leaves after that. A process that is killed
in between finds the reservation in its spool at the next start (see `ledger`).

A call that proved no key has no account: nothing is known of it that could be charged, and a flood of them must not
fill the ledger. It is counted in the metrics.
"""

from types import TracebackType
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.dialect import Tapped
from keywright.core.entry import Entry, Outcome, Reservation
from keywright.core.errors import RefusedError, StoreError
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.core.identity import Tags
from keywright.core.loss import Loss
from keywright.pipeline.attempts import Attempts
from keywright.pipeline.cutoff import Allowance
from keywright.pipeline.purse import NOTHING_HELD, Escrow, Held, Need, claimed, take
from keywright.pipeline.redacted import cleared
from keywright.pipeline.routes import Target
from keywright.pipeline.settle import Charge, Metered, input_tokens_max, outcome_of, settled
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Admitted, Call, Intent, Outbound, Plan, Principal

STOPPED: Final = "budget_stopped"
"""The code of a call whose stream the gateway ended at its reservation."""


class Ledger(Protocol):
    """Where accounts are kept. `reserve` raises StoreError when it can take no more; `settle` never fails."""

    def reserve(self, reservation: Reservation) -> None: ...
    def settle(self, entry: Entry) -> None: ...


class Meters(Protocol):
    """Who counts calls for the metrics."""

    def settled(self, entry: Entry) -> None: ...
    def unknown(self, code: str) -> None: ...


class Books(Struct, frozen=True, eq=False):
    """Where a call is written down, and what it may spend."""

    ledger: Ledger
    escrow: Escrow
    meters: Meters
    clock: Clock


class Account:
    """One call's account. `serve` says what it learns by setting `principal` (from here on there will be an entry),
    `intent` and `admitted`; `entry` is there when the call is settled.
    """

    __slots__ = (
        "_books",
        "_call",
        "_failure",
        "_first_byte_us",
        "_held",
        "_limited",
        "_losses",
        "_overhead_us",
        "_snapshot",
        "_status",
        "_stopped",
        "_tapped",
        "_target",
        "_verbatim",
        "admitted",
        "attempts",
        "entry",
        "intent",
        "principal",
    )

    def __init__(self, call: Call, snapshot: Snapshot, books: Books) -> None:
        self.attempts = Attempts()
        self.entry: Entry | None = None
        self.principal: Principal | None = None
        self.intent: Intent | None = None
        self.admitted: Admitted | None = None
        self._call = call
        self._snapshot = snapshot
        self._books = books
        self._target: Target | None = None
        self._tapped: Tapped | None = None
        self._verbatim = False
        self._losses: tuple[Loss, ...] = ()
        self._failure: Failure | None = None
        self._held = self._limited = NOTHING_HELD
        self._status = 200
        self._stopped = False
        self._first_byte_us = 0
        self._overhead_us = 0

    def __enter__(self) -> "Account":
        return self

    async def reserve(self, plan: Plan, *, is_free: bool = False) -> Plan:
        """Take the call's worst case of all budgets, and its part of all limits, and put that into the spool. Returns
        the plan, without candidates that a budget forbids. `is_free`: the call cannot cost anything.

        Raises:
            RefusedError: 402 `budget_exceeded` or `model_unpriced`; 429 `rate_limited`; 503 `overloaded`, the ledger
                can take no more calls now.
        """
        escrow = self._books.escrow
        plan, held = claimed(plan, Need(self._call, self._snapshot, is_free), escrow)
        self._limited = held
        await take(held, escrow, self._call.started_us)
        try:
            self._books.ledger.reserve(self._reservation(plan.admitted, held))
        except StoreError as error:
            escrow.give(held.claims, held.minute)
            message = "the gateway cannot record more calls now; try again in a moment"
            failure = Failure(kind="overloaded", status=503, code="overloaded", message=message, retry_after_s=1.0)
            raise RefusedError(failure, rule="ledger:full") from error
        except BaseException:
            escrow.give(held.claims, held.minute)
            raise
        self._held = held
        return plan

    def _reservation(self, admitted: Admitted, held: Held) -> Reservation:
        call, key = self._call, admitted.principal.key
        return Reservation(
            id=call.id,
            started_us=call.started_us,
            key_id=key.id,
            project=key.project,
            dialect=call.dialect,
            endpoint=call.endpoint,
            model=admitted.intent.peek.model,
            worst_picodollars=held.worst,
            reserved=held.reserved,
            charged=tuple([account for _, account in held.shares]),
            owner=key.owner or "",
            address=call.address,
            tags=held.tags,
        )

    def limit_headers(self) -> list[Header]:
        """How fast the caller may go on, where a limit says so."""
        limited = self._limited
        return limited.limit_headers(self._books.clock.unix_us()) if limited.limits else []

    def delivered(self, outbound: Outbound) -> None:
        """A candidate answers. What passed so far took this long, the provider's part not counted."""
        self._losses = outbound.losses
        self._verbatim = outbound.lane.verbatim
        self._answers(outbound.target)

    def passed(self, target: Target, status: int) -> None:
        """A candidate answers, and its answer passes through with that status."""
        self._verbatim = True
        self._status = status
        self._answers(target)

    def _answers(self, target: Target) -> None:
        self._target = target
        self._first_byte_us = self._books.clock.ticks_us() - self._call.ticks_us
        self._overhead_us = max(0, self._first_byte_us - self.attempts.waited_us)

    def used(self, tapped: Tapped) -> None:
        """What the answer used, as far as it came, and whether the provider said within it that it failed."""
        self._tapped = tapped
        if tapped.failure is not None:
            self._failure = self._failure or cleared(tapped.failure)

    @property
    def allowance(self) -> Allowance | None:
        """What the stream of the candidate that answers may spend; None where no hard budget counts for it."""
        held, target = self._held, self._target
        if not held.reserved or target is None or self.intent is None:
            return None
        price = self._snapshot.routes.price_of(target, self._call.started_us // SECOND_US)
        if price is None:
            return None
        input_max = input_tokens_max(self.intent.peek, target.abilities, price)
        return Allowance(held.worst, price, target.source.fee_bp, input_max)

    def stopped(self, tapped: Tapped) -> None:
        """The gateway ended the stream, for there was no more in its allowance: what it is charged."""
        self._tapped = msgspec.structs.replace(tapped, complete=True)
        self._stopped = True

    def broke(self, failure: Failure) -> None:
        """The answer failed after the client had begun to get it."""
        self._failure = failure

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.principal is None:
            if isinstance(error, RefusedError):
                self._books.meters.unknown(error.failure.code)
            return
        entry = self.entry = self._settled(self.principal, error)
        self._books.ledger.settle(entry)
        held = self._held
        if held.claims:
            used = entry.usage.input_total + entry.usage.output_total
            self._books.escrow.settle(held.claims, entry.charged, entry.cost_picodollars, used, held.minute)
        self._books.meters.settled(entry)

    def _settled(self, principal: Principal, error: BaseException | None) -> Entry:
        call, target, failure = self._call, self._target, self._failure
        peek = self.intent.peek if self.intent else None
        call_model = peek.model if peek else ""
        decision = self.admitted.rule if self.admitted else ""
        if error is not None and self._has_all(error):
            error = None
        outcome: Outcome = "ok"
        if failure is not None:
            outcome = "failed"
        elif error is not None:
            outcome = outcome_of(error, refused=isinstance(error, RefusedError) and not self.attempts.made)
        if isinstance(error, RefusedError):
            failure, decision = error.failure, error.rule
        use, charged = self._charged()
        provider, credential = self._asked()
        held, key = self._held, principal.key
        accounts = held.charged((call_model, target.name)) if held.shares and target else ()
        return Entry(
            id=call.id,
            started_us=call.started_us,
            key_id=key.id,
            project=key.project,
            dialect=call.dialect,
            endpoint=call.endpoint,
            model=call_model,
            outcome=outcome,
            status=_status(failure, error) or self._status,
            served=target.name if target else "",
            provider=provider,
            credential=credential,
            code=failure.code if failure else STOPPED if self._stopped else "",
            decision=decision,
            stream=peek.stream if peek else False,
            verbatim=self._verbatim,
            attempts=tuple(self.attempts.made),
            usage=use.usage,
            usage_source=use.source,
            price=charged.price,
            cost_picodollars=charged.picodollars,
            total_us=self._books.clock.ticks_us() - call.ticks_us,
            first_byte_us=self._first_byte_us,
            overhead_us=self._overhead_us,
            tags=_tags(held.tags or call.tags, self.attempts.tags),
            owner=key.owner or "",
            address=call.address,
            reserved_picodollars=held.worst if held.reserved else 0,
            reserved=held.reserved,
            charged=accounts,
            losses=tuple([loss.path for loss in self._losses]) if self._losses else (),
        )

    def _asked(self) -> tuple[str, str]:
        """Who answered, or who was asked last when nobody did; and with which credential."""
        if self._target is not None:
            source = self._target.source
            return source.name, self.attempts.fingerprint or source.credential.fingerprint
        made = self.attempts.made
        return (made[-1].provider, made[-1].credential) if made else ("", "")

    def _has_all(self, error: BaseException) -> bool:
        """Whether the client left when it had the whole answer: SDKs leave at the end mark, before the body's end."""
        return not isinstance(error, Exception) and self._tapped is not None and self._tapped.complete

    def _charged(self) -> tuple[Metered, Charge]:
        if self._tapped is None or self._target is None or self.intent is None:
            return Metered(), Charge()
        when_s = self._call.started_us // SECOND_US
        use, cost = settled(self._tapped, self.intent.peek, self._target, self._snapshot.routes, when_s)
        if self._stopped:
            cost = msgspec.structs.replace(cost, picodollars=min(cost.picodollars, self._held.worst))
            use = msgspec.structs.replace(use, source="counted")
        return use, cost


def _tags(tags: Tags, credentials: Tags) -> Tags:
    """The call's tags, and of the credential's those that it has not itself."""
    if not credentials:
        return tags
    known = dict(tags)
    return tags + tuple([(name, value) for name, value in credentials if name not in known])


def _status(failure: Failure | None, error: BaseException | None) -> int:
    """The status that the client got in place of an answer's, 0 when it got an answer; 499, as nginx has it, when it
    left before it got one.
    """
    if failure is not None:
        return failure.status
    if error is None:
        return 0
    return 500 if isinstance(error, Exception) else 499
