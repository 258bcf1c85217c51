"""What did it cost? What a call did → its Entry. Pure: the figures of a call in, its line of the ledger out."""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.catalog.price import Price, cost, worst_cost
from keywright.core.dialect import Peek, Tapped
from keywright.core.entry import Outcome, UsageSource
from keywright.core.usage import NO_USAGE, Usage
from keywright.pipeline.routes import Routes, Target

BYTES_PER_TOKEN: Final = 4
"""How text is counted when a provider sent no usage: as English is, on average."""

OUTPUT_TOKENS_ASSUMED: Final = 32_768
"""The worst case of an answer whose limit neither the request nor the catalogue states."""

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
    counted from the text that passed.
    """
    usage = tapped.billed or tapped.usage
    if usage is not None and tapped.complete:
        return Metered(usage, "provider")
    output = -(-tapped.output_chars // BYTES_PER_TOKEN)
    if usage is None:
        if not output and not tapped.complete:
            return Metered()
        return Metered(Usage(input=-(-peek.input_bytes // BYTES_PER_TOKEN), output=output), "counted")
    missing = output - usage.output_total
    if missing <= 0:
        return Metered(usage, "provider")
    return Metered(msgspec.structs.replace(usage, output=usage.output + missing), "counted")


def charge(usage: Usage, target: Target, routes: Routes, when_s: int, served: str | None = None) -> Charge:
    """The exact cost of `usage` at `target`, at the price that counted then.

    `served`: the model by the answer's own word, which counts where the target has no price of its own.
    """
    price = routes.price_of(target, when_s)
    if price is None and served:
        price = routes.price_of_served(target, served, when_s)
    if price is None:
        return Charge()
    return Charge(cost(usage, price, target.source.fee_bp), price.id)


def worst_case(peek: Peek, targets: tuple[Target, ...], routes: Routes, when_s: int) -> int:
    """The dearest that the call can become at any of `targets`, in picodollars."""
    worst = 0
    for target in targets:
        worst = max(worst, _worst_at(peek, target, routes.price_of(target, when_s)))
    return worst


def _worst_at(peek: Peek, target: Target, price: Price | None) -> int:
    if price is None:
        return 0
    output_max = peek.output_tokens_max
    if output_max is None:
        output_max = target.abilities.output_tokens_max or OUTPUT_TOKENS_ASSUMED
    return worst_cost(peek.input_bytes, output_max * peek.choices, price, target.source.fee_bp)


def likely_tokens(peek: Peek) -> int:
    """How many tokens the call will likely use: what limits of tokens per minute take before it is known."""
    output = OUTPUT_TOKENS_LIKELY if peek.output_tokens_max is None else peek.output_tokens_max
    return -(-peek.input_bytes // BYTES_PER_TOKEN) + output * peek.choices


def outcome_of(error: BaseException, *, refused: bool) -> Outcome:
    """How a call ended, by what was raised."""
    if isinstance(error, Exception):
        return "refused" if refused else "failed"
    return "cancelled"
