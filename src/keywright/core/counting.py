"""Counting tokens: how long would this prompt be?"""

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras
from keywright.core.request import Request


class CountRequest(Struct, frozen=True):
    """`request` is what would be asked; its output limit does not matter."""

    request: Request


class CountResponse(Struct, frozen=True, omit_defaults=True):
    """The prompt's tokens. `estimated`: nobody who knows was asked."""

    input_tokens: int
    cached_tokens: int = 0
    estimated: bool = False
    extras: Extras = NO_EXTRAS
