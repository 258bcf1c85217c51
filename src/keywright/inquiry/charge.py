"""How a cost comes about: usage times price, line by line, to the last picodollar."""

from typing import Final

from msgspec import Struct

from keywright.catalog.price import Price, Rates, cost
from keywright.core.money import to_usd
from keywright.core.usage import UNITS, Usage

RATE_OF: Final = {"searches": "search"}
"""Where a rate is named otherwise than what it is for."""


class Line(Struct, frozen=True):
    """So many of `unit` at so much each. A fee has no rate of its own."""

    unit: str
    amount: int
    each_usd: str
    usd: str


class Charge(Struct, frozen=True):
    """`lines` add up to `total_usd` exactly; `note` says what is missing where that cannot be shown.

    `price` identifies the price row; `above_tokens` the tier of it that counted, 0 for its base. `source` says how the
    usage is known.
    """

    price: str
    source: str
    lines: tuple[Line, ...]
    total_usd: str
    above_tokens: int = 0
    note: str = ""


def charge_of(usage: Usage, source: str, price_id: str, picodollars: int, price: Price | None, fee_bp: int) -> Charge:
    """How `usage` came to cost `picodollars` by the row `price_id`, which is `price` as far as it is known.

    `fee_bp`: basis points that a gateway in between takes, as it is configured now.
    """
    plain = Charge(price_id, source, (), to_usd(picodollars))
    if price is None:
        note = "nobody knew a price" if not price_id else "the price row is not known here any more"
        return Charge(price_id, source, (), plain.total_usd, note=note if picodollars or usage != Usage() else "")
    above, rates = _rates(usage, price)
    lines = _lines(usage, rates)
    rest = picodollars - sum(amount for _, amount in lines)
    shown = [line for line, _ in lines]
    note = ""
    if rest and cost(usage, price, fee_bp) == picodollars:
        shown.append(Line("fee", fee_bp, "", to_usd(rest)))
    elif rest:
        shown.append(Line("difference", 1, "", to_usd(rest)))
        note = "the cost is not that of this price row: a fee that is configured no longer, or a correction"
    return Charge(price_id, source, tuple(shown), plain.total_usd, above, note)


def _rates(usage: Usage, price: Price) -> tuple[int, Rates]:
    above, rates = 0, price.rates
    for tier in price.tiers:
        if usage.input_total > tier.above:
            above, rates = tier.above, tier.rates
    return above, rates


def _lines(usage: Usage, rates: Rates) -> list[tuple[Line, int]]:
    counts = {unit: getattr(usage, unit) for unit in UNITS}
    if rates.request:
        counts["request"] = 1
    found = []
    for unit, count in counts.items():
        each = getattr(rates, RATE_OF.get(unit, unit))
        if count:
            found.append((Line(unit, count, to_usd(each), to_usd(count * each)), count * each))
    return found
