"""Gemini's `embedContent`, one vector for one content, as the Gemini API and Vertex AI have it. Several at once are
`gemini`. The model's name stands in the path, and may stand in the body again.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedRequest, EmbedResponse
from keywright.core.loss import Loss
from keywright.dialects.embeddings import gemini
from keywright.dialects.embeddings.gemini import floats_of, read_response, tapped
from keywright.dialects.embeddings.gemini_item import encode_item, item_of, locate_item, peek_embedding, usage_node
from keywright.dialects.embeddings.inputs import Losses
from keywright.dialects.gemini.error import decode_error, encode_error
from keywright.dialects.gemini.verbatim import patch
from keywright.dialects.gemini.wire import message
from keywright.dialects.whole import answered, asked

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

NAME: Final = "gemini_embedding"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "content"})


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    request = asked(body, _RELIED, lambda fields: item_of(message(fields.left), gemini.NAME))
    return msgspec.structs.replace(request, model=said.model)


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the vector."""
    del model
    losses = Losses("Gemini")
    extra = losses.extras(request.extras, gemini.NAME)
    if len(request.inputs) != 1:
        losses.meaning("inputs", "Gemini's embedContent takes one content")
    body = encode_item(request, 0, abilities, losses) if request.inputs else {}
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses.found.values()))


def decode_response(body: bytes) -> EmbedResponse:
    """The vector that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "embedding of Gemini's", read_response)


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`."""
    del request
    losses: list[Loss] = []
    vectors = floats_of(response.vectors[:1], losses)
    body: dict[str, object] = {"embedding": vectors[0] if vectors else {"values": []}}
    if response.usage is not None:
        body["usageMetadata"] = usage_node(response.usage)
    return Encoded(msgspec.json.encode({**body, **(response.extras.get(gemini.NAME) or {})}), tuple(losses))


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    del request
    return locate_item(path, "")


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, with the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return peek_embedding(body, said)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises."""
    return tapped(body)
