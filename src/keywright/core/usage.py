"""What was used: a vector of disjoint units.

Providers report overlapping numbers (OpenAI's prompt tokens include the cached ones, Anthropic's do not).
Each dialect's reader turns them into these disjoint leaves once; only leaves are priced and added up.
"""

from typing import Final

import msgspec
from msgspec import Struct


class InconsistentUsageError(ValueError):
    """A provider's numbers contradict each other or all sense: a part larger than its whole, negative, enormous."""


class Usage(Struct, frozen=True, gc=False, omit_defaults=True):
    """Disjoint units. Everything is tokens but `searches` and `requests`.

    `input`: plain prompt tokens, neither cached nor audio nor image. `output`: visible text and tool calls.
    `reasoning`: thinking tokens, not inside `output`.
    """

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    audio_cache_read: int = 0
    image_input: int = 0
    image_output: int = 0
    searches: int = 0

    @property
    def input_total(self) -> int:
        """All prompt tokens, cached ones included."""
        return (
            self.input
            + self.cache_read
            + self.cache_write_5m
            + self.cache_write_1h
            + self.audio_input
            + self.audio_cache_read
            + self.image_input
        )

    @property
    def output_total(self) -> int:
        """All completion tokens, reasoning included."""
        return self.output + self.reasoning + self.audio_output + self.image_output


UNITS: Final = Usage.__struct_fields__
"""The names of the units, in their order."""

LEAF_MAX: Final = 10**12
"""More than any call uses: a larger number is a provider's mistake, not a bill."""

NO_USAGE: Final = Usage()


def checked(usage: Usage) -> Usage:
    """`usage` itself, when no leaf is negative or beyond all sense.

    Raises:
        InconsistentUsageError: one is; names the leaf.
    """
    amounts = msgspec.structs.astuple(usage)
    if min(amounts) >= 0 and max(amounts) <= LEAF_MAX:
        return usage
    unit, amount = next(pair for pair in zip(UNITS, amounts, strict=True) if not 0 <= pair[1] <= LEAF_MAX)
    raise InconsistentUsageError(f"{unit} would be {amount}")
