"""What a call costs: exact integers of picodollars, no float and no decimal on the way of a request.

A `Price` holds one rate for every leaf of `core/usage.py`. Its rates are complete: where a source says nothing about a
leaf, `quote.py` has already put in the documented substitute, so `cost` never meets an unknown and never takes one for
zero.

Tiers follow genai-prices: the threshold counts *all* prompt tokens, cached ones included, and is exclusive; a call that
crosses it pays the tier's rates for all of its tokens, not only for those beyond.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.money import Picodollars
from keywright.core.usage import Usage

BASIS_POINTS: Final = 10_000
"""One whole, in basis points."""


class Rates(Struct, frozen=True, gc=False, kw_only=True):
    """Picodollars per token; `search` and `request` per piece. No rate is negative.

    `input_dearest` and `output_dearest` follow from the others: the most expensive kind of prompt and completion token.
    """

    input: int
    output: int
    reasoning: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    audio_input: int
    audio_output: int
    audio_cache_read: int
    image_input: int
    image_output: int
    search: int
    request: int
    input_dearest: int = 0
    output_dearest: int = 0

    def __post_init__(self) -> None:
        """Every call asks for the dearest, so they are found once."""
        inputs = (self.input, self.cache_read, self.cache_write_5m, self.cache_write_1h)
        others = (self.audio_input, self.audio_cache_read, self.image_input)
        outputs = (self.output, self.reasoning, self.audio_output, self.image_output)
        msgspec.structs.force_setattr(self, "input_dearest", max(*inputs, *others))
        msgspec.structs.force_setattr(self, "output_dearest", max(outputs))


class Tier(Struct, frozen=True):
    """The rates of a call with more than `above` prompt tokens."""

    above: int
    rates: Rates


class Price(Struct, frozen=True):
    """One price row. `tiers` ascend by `above`.

    `id` names the row for ever: `catalogue/model@date`, the date being that of the catalogue's data; a model's second
    and further rows (dated or by the hour) add `#1`, `#2`, …; what a service tier costs adds `+priority`, say, and from
    when: `:2026-10-12`.
    """

    id: str
    rates: Rates
    tiers: tuple[Tier, ...] = ()


FREE: Final = Price(
    id="free",
    rates=Rates(
        input=0,
        output=0,
        reasoning=0,
        cache_read=0,
        cache_write_5m=0,
        cache_write_1h=0,
        audio_input=0,
        audio_output=0,
        audio_cache_read=0,
        image_input=0,
        image_output=0,
        search=0,
        request=0,
    ),
)
"""Costs nothing by declaration: providers on this machine."""


UNKNOWN: Final = "?"
"""The end of the id of a price that stands in for that of a service tier, which nobody knows."""


def standing_in(price: Price, tier: str) -> Price:
    """`price` in place of that of a service tier, which nobody knows: its id says so."""
    return price if price is FREE else msgspec.structs.replace(price, id=f"{price.id}+{tier}{UNKNOWN}")


def cost(usage: Usage, price: Price, fee_bp: int = 0) -> Picodollars:
    """What one call with `usage` costs, with a gateway's fee of `fee_bp` basis points on top.

    Exact but for the fee, whose fraction of a picodollar is rounded up. The price per request is counted once.
    """
    rates = price.rates
    if price.tiers:
        input_total = usage.input_total
        for tier in price.tiers:
            if input_total > tier.above:
                rates = tier.rates
    amount = (
        rates.request
        + usage.input * rates.input
        + usage.output * rates.output
        + usage.reasoning * rates.reasoning
        + usage.cache_read * rates.cache_read
        + usage.cache_write_5m * rates.cache_write_5m
        + usage.cache_write_1h * rates.cache_write_1h
        + usage.audio_input * rates.audio_input
        + usage.audio_output * rates.audio_output
        + usage.audio_cache_read * rates.audio_cache_read
        + usage.image_input * rates.image_input
        + usage.image_output * rates.image_output
        + usage.searches * rates.search
    )
    return Picodollars(_with_fee(amount, fee_bp) if fee_bp else amount)


def worst_cost(
    input_tokens_max: int, output_tokens_max: int, price: Price, fee_bp: int = 0, searches_max: int = 0
) -> Picodollars:
    """The most that a call can cost that stays within these totals, whatever kinds of token it uses."""
    amount = _worst_at(price.rates, input_tokens_max, output_tokens_max, searches_max)
    for tier in price.tiers:
        if input_tokens_max > tier.above:
            amount = max(amount, _worst_at(tier.rates, input_tokens_max, output_tokens_max, searches_max))
    return Picodollars(_with_fee(amount, fee_bp) if fee_bp else amount)


def _worst_at(rates: Rates, input_tokens: int, output_tokens: int, searches: int) -> int:
    return (
        rates.request
        + input_tokens * rates.input_dearest
        + output_tokens * rates.output_dearest
        + searches * rates.search
    )


def _with_fee(amount: int, fee_bp: int) -> int:
    return -(-amount * (BASIS_POINTS + fee_bp) // BASIS_POINTS)
