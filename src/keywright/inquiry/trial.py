"""What would happen to a call, and what counts in that: whose rules, which targets, which budgets and limits."""

from typing import Final

from msgspec import Struct

from keywright.core.budget import period
from keywright.core.dialect import Peek
from keywright.core.identity import Key
from keywright.core.money import to_usd
from keywright.inquiry.ruling import Ruling, rule_on
from keywright.inquiry.words import meaning, moment
from keywright.pipeline.routes import Target
from keywright.pipeline.settle import worst_case
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.terms import BudgetTerm
from keywright.policy.decision import Question
from keywright.policy.level import Level
from keywright.providers.provider import EndpointKind

INPUT_BYTES_TYPICAL: Final = 4_000
OUTPUT_TOKENS_TYPICAL: Final = 1_000
"""A typical call: a prompt of that length, and an answer that may have so many tokens."""
TOKENS_QUOTED: Final = 10**6


class EndShown(Struct, frozen=True):
    """Since when, or from when on, and why."""

    at: str
    why: str


class LevelShown(Struct, frozen=True):
    """What somebody restricts who has a word in it. Null, and empty: nothing."""

    level: str
    name: str
    endpoints: tuple[str, ...] | None
    models: tuple[str, ...]
    cidrs: tuple[str, ...]
    ends: tuple[EndShown, ...]


class TargetShown(Struct, frozen=True):
    """A model at a provider. Prices in US dollars per million tokens, null when nobody knows one.

    `worst_usd`: the most that a typical call can cost there. `left_out`: why it is not tried, "" if it is.
    """

    name: str
    price: str | None
    input_usd: str | None
    output_usd: str | None
    worst_usd: str | None
    left_out: str


class BudgetShown(Struct, frozen=True):
    """A budget that the call would count in. `since`: where its period begins, null if it has no beginning or rolls."""

    id: str
    on: str
    amount_usd: str
    window: str
    hard: bool
    since: str | None


class LimitShown(Struct, frozen=True):
    """A limit that the call would count in: so many `requests` or `tokens` a minute, or `running` at a time."""

    on: str
    kind: str
    cap: int


class Trial(Struct, frozen=True):
    """The answer to one question. `worst_usd` is the most that a typical call can cost at any target."""

    allowed: bool
    status: int
    rule: str
    meaning: str
    code: str
    message: str
    levels: tuple[LevelShown, ...]
    targets: tuple[TargetShown, ...]
    worst_usd: str
    budgets: tuple[BudgetShown, ...]
    limits: tuple[LimitShown, ...]


def attempt(view: Snapshot, key: Key, question: Question, endpoint: EndpointKind) -> Trial:
    """What would happen, by `view`, to a call of `key`. `endpoint` is that of the question."""
    ruling = rule_on(view, key, question, endpoint)
    now_s = question.now_s
    return Trial(
        allowed=ruling.allowed,
        status=ruling.status,
        rule=ruling.rule,
        meaning=meaning(ruling.rule, allowed=ruling.allowed),
        code=ruling.code,
        message=ruling.message,
        levels=tuple(map(_level, view.grant(key).levels)),
        targets=tuple(dict.fromkeys(_target(target, ruling, view, now_s) for target in ruling.found)),
        worst_usd=to_usd(worst_case(_typical(question), ruling.targets, view.routes, now_s)),
        budgets=tuple(_budget(term, now_s) for term in ruling.terms.budgets),
        limits=tuple(LimitShown(term.on, term.kind, term.cap) for term in ruling.terms.limits),
    )


def _typical(question: Question) -> Peek:
    return Peek(question.model, stream=False, input_bytes=INPUT_BYTES_TYPICAL, output_tokens_max=OUTPUT_TOKENS_TYPICAL)


def _level(level: Level) -> LevelShown:
    return LevelShown(
        level=level.kind,
        name=level.name,
        endpoints=None if level.endpoints is None else tuple(sorted(level.endpoints)),
        models=level.models,
        cidrs=tuple(map(str, level.cidrs)),
        ends=tuple(EndShown(moment(end.at_s), end.why) for end in level.ends),
    )


def _target(target: Target, ruling: Ruling, view: Snapshot, now_s: int) -> TargetShown:
    price = view.routes.price_of(target, now_s)
    left_out = "" if target in ruling.targets else _why_not(ruling, is_priced=price is not None)
    if price is None:
        return TargetShown(target.name, None, None, None, None, left_out)
    worst = worst_case(_typical(Question(now_s, "", target.name)), (target,), view.routes, now_s)
    return TargetShown(
        name=target.name,
        price=price.id,
        input_usd=to_usd(price.rates.input * TOKENS_QUOTED),
        output_usd=to_usd(price.rates.output * TOKENS_QUOTED),
        worst_usd=to_usd(worst),
        left_out=left_out,
    )


def _why_not(ruling: Ruling, *, is_priced: bool) -> str:
    if ruling.code not in ("", "model_unpriced", "model_not_allowed"):
        return "the call is refused before"
    if ruling.code != "model_not_allowed" and not is_priced:
        return "it has no price"
    return "the key may not use it"


def _budget(term: BudgetTerm, now_s: int) -> BudgetShown:
    budget = term.budget
    start_s = period(budget.window, now_s).start_s
    return BudgetShown(
        id=budget.id,
        on=str(budget.on),
        amount_usd=to_usd(budget.picodollars),
        window=budget.window,
        hard=budget.hard,
        since=moment(start_s) if start_s else None,
    )
