"""What did it cost? What a call did → its Entry. Pure: the figures of a call in, its line of the ledger out."""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.catalog.price import Price, cost, standing_in, worst_cost
from keywright.core.ability import Abilities
from keywright.core.dialect import PLAIN, TEXT, Peek, Tapped
from keywright.core.entry import Outcome, UsageSource
from keywright.core.tier import AUTO
from keywright.core.usage import NO_USAGE, Usage
from keywright.pipeline.routes import Routes, Target

BYTES_PER_TOKEN: Final = 4
"""How text is counted when a provider sent no usage: as English is, on average."""

CONTEXT_TOKENS_ASSUMED: Final = 1_048_576
"""What a model takes, and may give, of which the catalogue does not say it."""

CONTEXT_ROUNDING: Final = 8
"""Contexts are stated in round numbers, 128,000 for 131,072: so many parts of one may be added."""

TOKENS_ADDED_MAX: Final = 2048
"""What a provider may put into any prompt: its own instructions. Those for a client's tools are the longest."""

PLAIN_TOKENS_ADDED_MAX: Final = 256
"""The same, where there are neither tools nor a form for the answer."""

BESIDE: Final = "&"
"""Between the ids of prices of which one call paid several."""

PRIORITY: Final = "priority"
"""The tier that a provider may choose, by its own settings, where a request leaves it the choice."""

NOTHING: Final = Tapped()

OUTPUT_TOKENS_LIKELY: Final = 1024
"""What an answer is taken for, by limits of tokens per minute, when the request states no limit."""


class Metered(Struct, frozen=True, gc=False):
    """What a call used, and how we know."""

    usage: Usage = NO_USAGE
    source: UsageSource = "none"


class Charge(Struct, frozen=True, gc=False):
    """What it cost, and by which price row ("" when nobody knows a price)."""

    picodollars: int = 0
    price: str = ""


def metered(tapped: Tapped, peek: Peek) -> Metered:
    """What is to be paid for: what the provider says it bills, else the usage that it stated; what it left out is
    counted from the text that passed. Of an answer that began and broke off before it said anything, that is the
    prompt: the provider has read it.
    """
    usage = tapped.billed or tapped.usage
    if usage is not None and tapped.complete:
        return Metered(usage, "provider")
    output = -(-tapped.output_chars // BYTES_PER_TOKEN)
    if usage is None:
        has_begun = tapped.model is not None and tapped.failure is None
        if not output and not tapped.complete and not has_begun:
            return Metered()
        return Metered(Usage(input=_prompt_tokens(peek), output=output), "counted")
    missing = output - usage.output_total
    if missing <= 0:
        return Metered(usage, "provider")
    return Metered(msgspec.structs.replace(usage, output=usage.output + missing), "counted")


def settled(tapped: Tapped, peek: Peek, target: Target, routes: Routes, when_s: int) -> tuple[Metered, Charge]:
    """What is to be paid for, and what it costs. Where the provider works on and says nothing, that is the worst case:
    nobody asks it later, so that only a reconciliation may find that it was less.
    """
    if not tapped.pending:
        use = metered(tapped, peek)
        return use, charge(use.usage, target, routes, when_s, tapped)
    price = _price_of(target, routes, when_s, tapped)
    worst = Charge() if price is None else Charge(worst_case(peek, (target,), routes, when_s), price.id)
    return Metered(source="worst_case"), worst


def charge(usage: Usage, target: Target, routes: Routes, when_s: int, tapped: Tapped = NOTHING) -> Charge:
    """The exact cost of `usage` at `target`, at the price that counted then.

    What the answer says of itself counts (`tapped`): its service tier, of which nobody may know a price, so that the
    plain one stands in, and the charge says so; what other models did within it; its model, where the target has no
    price of its own.
    """
    price = _price_of(target, routes, when_s, tapped)
    if price is None:
        return Charge()
    picodollars, named = int(cost(usage, price, target.source.fee_bp)), price.id
    for model, used in tapped.others:
        other = routes.price_of_served(target, model, when_s) or price
        picodollars += cost(used, other, target.source.fee_bp)
        named += f"{BESIDE}{other.id}"
    return Charge(picodollars, named)


def _price_of(target: Target, routes: Routes, when_s: int, tapped: Tapped) -> Price | None:
    tier, served = tapped.tier, tapped.model
    price = routes.price_of(target, when_s)
    if price is not None:
        return price if not tier else routes.price_of(target, when_s, tier) or standing_in(price, tier)
    if not served:
        return None
    price = routes.price_of_served(target, served, when_s)
    if price is None or not tier:
        return price
    return routes.price_of_served(target, served, when_s, tier) or standing_in(price, tier)


def worst_case(peek: Peek, targets: tuple[Target, ...], routes: Routes, when_s: int) -> int:
    """The dearest that the call can become at any of `targets`, in picodollars."""
    worst, seen = 0, ""
    for target in targets:
        if target.name == seen:
            continue  # another credential of the same provider, which charges the same
        seen = target.name
        price = routes.price_of(target, when_s)
        if price is not None:
            worst = max(worst, _worst_at(peek, target, price))
            if peek.tier:
                dearer = routes.price_of(target, when_s, PRIORITY if peek.tier == AUTO else peek.tier)
                worst = worst if dearer is None else max(worst, _worst_at(peek, target, dearer))
    return worst


def _worst_at(peek: Peek, target: Target, price: Price) -> int:
    abilities = target.abilities
    output_max = peek.output_tokens_max
    if output_max is None:
        output_max = abilities.output_tokens_max or _context(abilities, price)
    input_max = input_tokens_max(peek, abilities, price)
    searches_max = max(peek.beyond.searches_max, abilities.runs_max)
    return worst_cost(input_max, output_max * peek.choices, price, target.source.fee_bp, searches_max)


def input_tokens_max(peek: Peek, abilities: Abilities, price: Price) -> int:
    """The most that a prompt can have, over all runs of the model."""
    beyond = peek.beyond
    runs_max = max(beyond.runs_max, abilities.runs_max)
    if not runs_max and (beyond is PLAIN or beyond is TEXT):
        return peek.input_bytes + (PLAIN_TOKENS_ADDED_MAX if beyond is PLAIN else TOKENS_ADDED_MAX)
    input_max = peek.input_bytes + TOKENS_ADDED_MAX + beyond.added_tokens - beyond.data_bytes
    if beyond.boundless or runs_max:
        input_max = max(input_max, _context(abilities, price))
    return input_max * (1 + runs_max)


def _context(abilities: Abilities, price: Price) -> int:
    """How many tokens the model takes at most. A price for prompts of more than that knows better."""
    known = abilities.context_tokens_max
    if known is None or (price.tiers and price.tiers[-1].above >= known):
        return CONTEXT_TOKENS_ASSUMED
    return known + known // CONTEXT_ROUNDING


def likely_tokens(peek: Peek) -> int:
    """How many tokens the call will likely use: what limits of tokens per minute take before it is known."""
    output = OUTPUT_TOKENS_LIKELY if peek.output_tokens_max is None else peek.output_tokens_max
    return _prompt_tokens(peek) + output * peek.choices


def _prompt_tokens(peek: Peek) -> int:
    """How many tokens the prompt likely has: its text, and its pictures, counted as text within their bound."""
    beyond = peek.beyond
    text = -(-(peek.input_bytes - beyond.data_bytes) // BYTES_PER_TOKEN)
    return text + min(beyond.added_tokens, beyond.data_bytes // BYTES_PER_TOKEN)


def outcome_of(error: BaseException, *, refused: bool) -> Outcome:
    """How a call ended, by what was raised."""
    if isinstance(error, Exception):
        return "refused" if refused else "failed"
    return "cancelled"
