"""Cohere's embeddings, as Bedrock's InvokeModel takes them: Cohere's own wire, but for the model, which the path names.

A client that asks for no types of numbers is answered with plain lists, as the models of the third version do; the
fourth names the type all the same, and may be told left and right for start and end.
"""

from typing import Final

import msgspec
from msgspec import Raw

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedRequest, EmbedResponse
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json
from keywright.dialects.aws_error import decode_error, encode_error
from keywright.dialects.embeddings import cohere
from keywright.dialects.embeddings.cohere import decode_response, locate
from keywright.dialects.members import walked
from keywright.dialects.whole import peek_whole

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

NAME: Final = "bedrock_cohere_embeddings"
CARRIES: Final = frozenset({NAME})

BY_TYPE: Final = "by_type"
"""The shape of an answer in which each type of numbers is named."""

_NAMING_MODEL: Final = "embed-v4"
_RELIED: Final[frozenset[str]] = frozenset()
_INWARD: Final = {b'"LEFT"': Raw(b'"START"'), b'"RIGHT"': Raw(b'"END"')}
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_ENCODER: Final = msgspec.json.Encoder()


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = dict(walked(body, _RELIED).values)
    named = "embedding_types" in members or _NAMING_MODEL in said.model
    cut = members.get("truncate")
    if cut is not None:
        members["truncate"] = _INWARD.get(bytes(cut), cut)
    members["model"] = Raw(_ENCODER.encode(said.model))
    request = cohere.decode_request(_ENCODER.encode(members))
    if not named:
        return request
    return msgspec.structs.replace(request, extras={**request.extras, NAME: {"shape": BY_TYPE}})


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the vectors."""
    encoded = cohere.encode_request(request, model, abilities)
    members = _MEMBERS.decode(encoded.body)
    del members["model"]
    return Encoded(_ENCODER.encode(members), encoded.losses)


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`."""
    encoded = cohere.encode_response(response, request)
    if (request.extras.get(NAME) or {}).get("shape") == BY_TYPE:
        return encoded
    node = msgspec.json.decode(encoded.body, type=dict[str, Json])
    by_type = node["embeddings"]
    node["embeddings"] = by_type.get("float", []) if isinstance(by_type, dict) else []
    node["response_type"] = "embeddings_floats"
    return Encoded(_ENCODER.encode(node), encoded.losses)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, with the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request`.
    """
    return peek_whole(body, said, _RELIED)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` as it is: the path names the model."""
    del peeked, model
    return body


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself: how much was used stands in headers only. Never raises."""
    try:
        response = decode_response(body)
    except UpstreamMalformedError:
        return Tapped()
    return Tapped(usage=response.usage, complete=True)
