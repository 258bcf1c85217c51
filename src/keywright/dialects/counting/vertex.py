"""Vertex AI's `countTokens` for Gemini: the request's members at the top, and only those that have tokens. All else is
as in `gemini`.
"""

from typing import Final

from keywright.core.ability import Abilities
from keywright.core.counting import CountRequest
from keywright.core.dialect import Encoded
from keywright.core.loss import Loss
from keywright.dialects.counting.gemini import (
    decode_error,
    decode_request,
    decode_response,
    encode_error,
    encode_response,
    locate,
    patch,
    peek,
    tap_response,
)
from keywright.dialects.gemini.request_out import request_node
from keywright.dialects.gemini.wire import rendered

__all__ = [
    "CARRIES",
    "NAME",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "locate",
    "patch",
    "peek",
    "tap_response",
]

NAME: Final = "vertex_count"
CARRIES: Final = frozenset({NAME})

_COUNTED: Final = ("contents", "systemInstruction", "tools", "generationConfig")


def encode_request(request: CountRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the count."""
    del model
    losses: list[Loss] = []
    node = request_node(request.request, abilities, losses)
    return Encoded(rendered({name: node[name] for name in _COUNTED if name in node}), tuple(losses))
