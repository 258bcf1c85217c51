"""Mistral's embeddings: OpenAI's, but that each answer has an id, without which Mistral's own SDK does not take it.

Its upstream understands what OpenAI's clients send, and they what it answers. What OpenAI answers would not do for
clients of Mistral's, so these two are no single wire.
"""

from typing import Final

from msgspec.structs import replace

from keywright.core.dialect import Encoded
from keywright.core.embedding import EmbedRequest, EmbedResponse
from keywright.dialects.embeddings import openai
from keywright.dialects.embeddings.openai import (
    decode_request,
    decode_response,
    encode_request,
    locate,
    patch,
    peek,
    tap_response,
)
from keywright.dialects.mistral.error import decode_error, encode_error

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

NAME: Final = "mistral_embeddings"
CARRIES: Final = frozenset({NAME, openai.NAME})
NAMELESS: Final = "embd"
"""The id of an answer to which its provider gave none."""


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The list of embeddings for a client that asked `request`, written as it wants them."""
    return openai.encode_response(response if response.id else replace(response, id=NAMELESS), request)
