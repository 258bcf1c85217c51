"""What the wires of counting share: which losses change no count, and a count that is told as `input_tokens`."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.counting import CountResponse
from keywright.core.dialect import Tapped
from keywright.core.loss import Loss
from keywright.core.usage import NO_USAGE
from keywright.dialects.fields import Fields, WrongFieldError

_UNCOUNTED: Final = frozenset(
    ("output_tokens_max", "temperature", "top_p", "top_k", "stop", "user", "metadata", "service_tier", "seed")
) | {"frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs"}
"""What only an answer depends on, in canonical paths."""


class _Count(Struct):
    input_tokens: int


_COUNT: Final = msgspec.json.Decoder(_Count)


def counted(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Those of `losses` that make a difference to a count."""
    return tuple(loss for loss in losses if loss.path not in _UNCOUNTED)


def count_of(body: Fields, dialect: str) -> CountResponse:
    """The count in `input_tokens`; what else `body` says are extras of `dialect`.

    Raises:
        WrongFieldError: there is none.
    """
    tokens = body.count("input_tokens")
    if tokens is None:
        raise WrongFieldError("input_tokens", "an integer")
    return CountResponse(tokens, extras=body.extras(dialect))


def tap_count(body: bytes) -> Tapped:
    """That a count in `input_tokens` came; nothing is used by counting. Never raises."""
    try:
        _COUNT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    return Tapped(usage=NO_USAGE, complete=True)
