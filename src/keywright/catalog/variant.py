"""What a model costs at a service tier (`flex`, `priority`, `fast`, `batch`): its price, with what a variant quotes."""

from collections.abc import Sequence
from typing import Final

from keywright.catalog.price import Price
from keywright.catalog.quote import Quote, overlaid, price
from keywright.catalog.snapshot import Row, Variant

SEPARATOR: Final = "+"
"""Before the tier in a price's id."""
SINCE: Final = ":"
"""Behind it, and before the day from which this price of the tier counts, where it has one."""


def tiers_of(variants: Sequence[Variant]) -> tuple[str, ...]:
    """The tiers that cost something else, each once."""
    return tuple(dict.fromkeys(variant.tier for variant in variants))


def days(variants: Sequence[Variant], tier: str) -> list[str]:
    """The days on which a price of the tier begins, in order; the first is "", the beginning of all."""
    return sorted({"", *(variant.starts for variant in variants if variant.tier == tier)})


def variant_price(base: str, row: Row, variants: Sequence[Variant], tier: str, day: str) -> Price | None:
    """The price of a tier from `day` on, where `row`, whose id is `base`, is the plain one; None when nobody knows.

    Of the variants that count, the first that quotes a field decides.

    Raises:
        ValueError: an amount in it is no price.
    """
    counting = [variant for variant in variants if variant.tier == tier and variant.starts <= day]
    if not counting:
        return None
    quote: Quote = row
    steps = row.tiers
    for variant in reversed(counting):
        quote, steps = overlaid(quote, steps, variant, variant.tiers)
    return price(f"{base}{SEPARATOR}{tier}{SINCE}{day}" if day else f"{base}{SEPARATOR}{tier}", quote, steps)
