"""What would another configuration have done to the recorded calls?

Each recorded call is decided again, by the keys and the realm as they are now, at the time when it was made: what has
been revoked since was not yet. It goes where the new routes lead, and costs by the new prices what it was recorded to
have used, exactly. What cannot be known is not guessed:

- a body is not recorded, so a request that named other models beside its own is decided by its own alone;
- an entry without an address, of an older version, is not asked about networks;
- a call that was refused used nothing, so what it would cost now is counted as nothing, and such calls are counted;
- a candidate that failed in the recorded call is taken to fail again, and the next to answer as the served one did;
- a call that was refused for itself (a broken body, say), or failed, stays as it was.
"""

from collections.abc import Iterator, Mapping
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from keywright.catalog.price import cost
from keywright.catalog.variant import SEPARATOR
from keywright.core.entry import Entry
from keywright.core.identity import Key
from keywright.core.money import to_usd
from keywright.inquiry.ruling import STATUSES, Ruling, rule_on
from keywright.inquiry.simulation import US_PER_S, Books, Need
from keywright.inquiry.tally import Fate, Group, Row, Tally
from keywright.pipeline.routes import Target
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.terms import BudgetTerm, LimitTerm
from keywright.pipeline.worth import costs_nothing
from keywright.policy.decision import Question
from keywright.providers.provider import EndpointKind

POLICY_CODES: Final = frozenset({*STATUSES, "budget_exceeded", "rate_limited"})
"""Refusals that another configuration may undo; all others were the request's own fault, or the gateway's."""
ENDPOINT_KINDS: Final[Mapping[str, EndpointKind]] = {kind: kind for kind in get_args(EndpointKind)}


class Bound(Struct, frozen=True):
    """A budget or limit of the new configuration, and the calls that it would have refused, with what they cost."""

    rule: str
    on: str
    bound: str
    calls: int
    usd: str
    examples: tuple[str, ...]


class Report(Struct, frozen=True):
    """What a replay found. Money in decimal strings of US dollars.

    `total` is all calls. `refused`: calls that were served and would not be, by the rule that refuses them;
    `admitted`: calls that were refused and would not be, by the rule that did. `moved`: calls that another model would
    serve (`from -> to`). `models` by what was asked for; `keys` by id. `bounds`: all budgets and limits.

    `unpriced` calls would be served by a model whose price nobody knows; of `uncosted` calls nobody knows what they
    would use; of `unplaced` calls the address is not recorded.
    """

    total: Row
    refused: tuple[Row, ...]
    admitted: tuple[Row, ...]
    moved: tuple[Row, ...]
    models: tuple[Row, ...]
    keys: tuple[Row, ...]
    bounds: tuple[Bound, ...]
    unpriced: int
    uncosted: int
    unplaced: int


class _Result(Struct, frozen=True):
    """What would become of a call: who serves it for how much, or which rule refuses it ("": none does)."""

    rule: str
    served: str = ""
    cost: int = 0


class Replay:
    """Takes recorded calls in the order in which they started (`add`), then tells (`report`).

    `view` is what counts by the new configuration: keys, realm, routes, budgets and limits.
    """

    def __init__(self, view: Snapshot) -> None:
        self._view = view
        self._books = Books()
        self._unknown: dict[str, Key] = {}
        self._total = Group()
        self._refused, self._admitted, self._moved = Tally(), Tally(), Tally()
        self._models, self._keys = Tally(), Tally()
        self._unpriced = self._uncosted = self._unplaced = 0

    def add(self, entry: Entry) -> None:
        """The next call."""
        was_refused = entry.outcome == "refused"
        if was_refused and entry.code not in POLICY_CODES:
            result = _Result(entry.decision or entry.code, cost=entry.cost_picodollars)
        else:
            result = self._result(entry)
        served = not was_refused, not result.rule
        fate = Fate(entry.id, *served, entry.cost_picodollars, result.cost)
        self._count(entry, fate)
        if served == (True, False):
            self._refused.add(result.rule, fate)
        elif served == (False, True):
            self._admitted.add(entry.decision or entry.code, fate)
            self._uncosted += 1
        elif served == (True, True) and entry.served and result.served != entry.served:
            self._moved.add(f"{entry.served} -> {result.served}", fate)

    def report(self) -> Report:
        """All that was found."""
        return Report(
            total=self._total.row("total"),
            refused=self._refused.rows(),
            admitted=self._admitted.rows(),
            moved=self._moved.rows(),
            models=self._models.rows(),
            keys=self._keys.rows(),
            bounds=tuple(self._bounds()),
            unpriced=self._unpriced,
            uncosted=self._uncosted,
            unplaced=self._unplaced,
        )

    def _bounds(self) -> Iterator[Bound]:
        refused = {row.name: row for row in self._refused.rows()}
        for rule, on, bound in _said(self._view):
            row = refused.get(rule)
            yield (
                Bound(rule, on, bound, row.calls, row.before_usd, row.examples)
                if row
                else Bound(rule, on, bound, 0, to_usd(0), ())
            )

    def _count(self, entry: Entry, fate: Fate) -> None:
        self._total.add(fate)
        self._models.add(entry.model, fate)
        self._keys.add(entry.key_id, fate)

    def _result(self, entry: Entry) -> _Result:
        ruling = self._ruling(entry)
        if not ruling.allowed:
            return _Result(ruling.rule)
        target = _serving(entry, ruling)
        served = target.name if target is not None else entry.served
        picodollars = entry.cost_picodollars if target is None else self._cost(entry, target)
        need = _need(entry, picodollars or 0, served)
        terms = ruling.terms
        if costs_nothing(_kind(entry), model=entry.model):
            terms = replace(terms, budgets=())
        refusal = self._books.refusal(terms, need)
        if refusal is not None:
            return _Result(_rule(refusal))
        self._books.take(terms, need)
        self._unpriced += picodollars is None
        return _Result("", served, need.cost)

    def _ruling(self, entry: Entry) -> Ruling:
        is_native = entry.endpoint == "native"
        model = f"{entry.provider}/{entry.model}" if is_native and entry.model and entry.provider else entry.model
        self._unplaced += not entry.address
        question = Question(
            now_s=entry.started_us // US_PER_S,
            endpoint=entry.endpoint,
            model=model,
            address=entry.address or None,
            by_alias=not is_native,
        )
        return rule_on(self._view, self._key(entry), question, _kind(entry), entry.tags)

    def _key(self, entry: Entry) -> Key:
        """The key of the call. One that is not known any more, or the operator's own, restricts nothing itself."""
        known = self._view.keys.get(entry.key_id) or self._unknown.get(entry.key_id)
        if known is None:
            owner = entry.owner or None
            known = Key(entry.key_id, "service", "", b"", 0, project=entry.project, owner=owner)
            self._unknown[entry.key_id] = known
        return known

    def _cost(self, entry: Entry, target: Target) -> int | None:
        """What the recorded usage costs at `target`; None when nobody knows its price."""
        is_same = target.name == entry.served
        price = self._view.routes.price_of(target, entry.started_us // US_PER_S)
        if price is None:
            return entry.cost_picodollars if is_same and entry.price else None
        if is_same and entry.price.startswith(price.id + SEPARATOR):  # the same row, at the service tier of the call
            return entry.cost_picodollars
        return cost(entry.usage, price, target.source.fee_bp) if entry.usage_source != "none" else 0


def _serving(entry: Entry, ruling: Ruling) -> Target | None:
    """Who would answer: the first that did not fail, else the first of all; None where no model was asked for."""
    failed = {(one.provider, one.model) for one in entry.attempts if one.result != "ok"}
    left = (target for target in ruling.targets if (target.source.name, target.model) not in failed)
    return next(left, ruling.targets[0] if ruling.targets else None)


def _said(view: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Each budget and limit: its rule, what it is on, and how much it is."""
    for budget in view.budgets:
        yield f"budget:{budget.id}", str(budget.on), f"{to_usd(budget.picodollars)} USD, {budget.window}"
    for limit in view.limits:
        caps = {
            "requests": (limit.requests_per_min, "requests per minute"),
            "tokens": (limit.tokens_per_min, "tokens per minute"),
            "running": (limit.concurrency, "calls at a time"),
        }
        for kind, (cap, words) in caps.items():
            if cap is not None:
                yield f"limit:{limit.id}:{kind}", str(limit.on), f"{cap} {words}"


def _rule(refusal: BudgetTerm | LimitTerm) -> str:
    return f"budget:{refusal.budget.id}" if isinstance(refusal, BudgetTerm) else f"limit:{refusal.account}"


def _need(entry: Entry, picodollars: int, served: str) -> Need:
    """What the call takes: at worst, if that is recorded, as much more as its cost has become more."""
    before = entry.cost_picodollars
    worst = entry.reserved_picodollars * picodollars // before if before else entry.reserved_picodollars
    return Need(
        started_us=entry.started_us,
        ends_us=entry.started_us + entry.total_us,
        worst=max(worst, picodollars) or int(entry.outcome == "refused"),
        cost=picodollars,
        tokens=entry.usage.input_total + entry.usage.output_total,
        names=(entry.model, served),
    )


def _kind(entry: Entry) -> EndpointKind:
    """The entry's endpoint. One that is known no longer is treated as the provider's own paths are."""
    return ENDPOINT_KINDS.get(entry.endpoint, "native")
