"""How much may a stream say for what was reserved? Allowance → a number of characters. Pure.

A provider that keeps the limit that it was sent ends its answer by itself, within the reservation. This is for one that
does not, or was sent none. Its stream is counted while it passes, in characters, for tokens are only told at the end.

Tokens are few characters or many: four in English, one in Chinese, ten in a rare word or in deep indentation. Counted
by the average, an honest answer of long words would be cut off before its limit, and a short one nearly always: a label
such as `classification` is one token. So a stream is ended when it holds more than any text of so many tokens would.
What it is charged then is counted by the average, as of every stream that told nothing, and never above the
reservation.
"""

import sys
from typing import Final

import msgspec
from msgspec import Struct

from keywright.catalog.price import BASIS_POINTS, Price, Rates, cost
from keywright.core.dialect import Tapped
from keywright.core.usage import Usage

CHARS_PER_TOKEN_MAX: Final = 8
"""More than a text of some length has for each of its tokens."""

UNBOUNDED: Final = sys.maxsize
"""As many as there may be: the output costs nothing."""


class Allowance(Struct, frozen=True, gc=False):
    """What was reserved of hard budgets for one call: so much, at this price and gateway's fee, for a prompt of no more
    than so many tokens and an answer.
    """

    picodollars: int
    price: Price
    fee_bp: int
    input_tokens: int


class Cutoff:
    """Where a stream has to end. `chars_max`: how many characters it may hold while nothing is known of its prompt."""

    __slots__ = ("_allowance", "_net", "chars_max")

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._net = allowance.picodollars * BASIS_POINTS // (BASIS_POINTS + allowance.fee_bp)
        tokens = min(_tokens(self._net, rates, allowance.input_tokens) for rates in _all_rates(allowance))
        self.chars_max = _chars(tokens)

    def chars_within(self, usage: Usage | None) -> int:
        """How many characters the stream may hold whose provider has told `usage` meanwhile. None are left when what
        it told costs more than was reserved.
        """
        if usage is None:
            return self.chars_max
        price = self._allowance.price
        left = self._net - cost(_without_output(usage), price)
        if cost(usage, price) > self._net:
            return 0
        dearest = _rates_of(price, usage).output_dearest
        return _chars(left // dearest if dearest else UNBOUNDED)

    def is_passed(self, tapped: Tapped) -> bool:
        """Whether a stream of which so much came holds more than was reserved."""
        return tapped.output_chars > self.chars_within(tapped.usage)

    def charged(self, usage: Usage) -> Usage:
        """What is charged of a stream that was ended here and counted as `usage`: with no more output than the
        reservation pays for.
        """
        price = self._allowance.price
        rate = _rates_of(price, usage).output
        if not rate:
            return usage
        left = self._net - cost(msgspec.structs.replace(usage, output=0), price)
        return msgspec.structs.replace(usage, output=max(0, min(usage.output, left // rate)))


def _all_rates(allowance: Allowance) -> list[Rates]:
    """The rates that may count for a prompt within the reserved bound."""
    price = allowance.price
    return [price.rates, *(tier.rates for tier in price.tiers if allowance.input_tokens > tier.above)]


def _rates_of(price: Price, usage: Usage) -> Rates:
    """The rates that count for a prompt that is known."""
    rates = price.rates
    for tier in price.tiers:
        if usage.input_total > tier.above:
            rates = tier.rates
    return rates


def _tokens(net: int, rates: Rates, input_tokens: int) -> int:
    """How many tokens of the dearest kind are left for an answer."""
    if not rates.output_dearest:
        return UNBOUNDED
    return max(0, net - rates.request - input_tokens * rates.input_dearest) // rates.output_dearest


def _chars(tokens: int) -> int:
    return min(tokens * CHARS_PER_TOKEN_MAX, UNBOUNDED)


def _without_output(usage: Usage) -> Usage:
    return msgspec.structs.replace(usage, **dict.fromkeys(_OUTPUTS, 0))


_OUTPUTS: Final = ("output", "reasoning", "audio_output", "image_output")
