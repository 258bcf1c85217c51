"""OpenAI's `POST /v1/responses/input_tokens`: a response's request without what only matters to its answer.

Nothing is used by counting. A count that was estimated says so in a member of its own, which OpenAI's has not.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.counting import CountRequest, CountResponse
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.json import Json, JsonObject
from keywright.dialects import openai_responses
from keywright.dialects.counting.counted import count_of, counted, tap_count
from keywright.dialects.fields import Fields
from keywright.dialects.members import members_of
from keywright.dialects.openai_responses.error import decode_error, encode_error
from keywright.dialects.openai_responses.verbatim import without_foreign
from keywright.dialects.whole import answered, patch_whole, peek_whole

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

NAME: Final = "openai_count"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "input", "instructions", "tools"})
_COUNTED: Final = frozenset(
    ("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning")
) | {"truncation", "previous_response_id", "conversation"}
"""Members of a response's request that its prompt depends on: the others are none of counting's."""


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> CountRequest:
    """The request whose tokens shall be counted.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return CountRequest(openai_responses.decode_request(body, said))


def encode_request(request: CountRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the count."""
    encoded = openai_responses.encode_request(request.request, model, abilities)
    asked: JsonObject = msgspec.json.decode(encoded.body)
    body = {member: value for member, value in asked.items() if member in _COUNTED}
    return Encoded(msgspec.json.encode(body), counted(encoded.losses))


def decode_response(body: bytes) -> CountResponse:
    """The count that `body` tells.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "count of the Responses API", _response)


def _response(value: Json) -> CountResponse:
    body = Fields(value)
    body.json("object")
    return count_of(body, NAME)


def encode_response(response: CountResponse, request: CountRequest) -> Encoded:
    """The answer that tells a client the count."""
    del request
    body: JsonObject = {"object": "response.input_tokens", "input_tokens": response.input_tokens}
    if response.estimated:
        body["estimated"] = True
    return Encoded(msgspec.json.encode({**body, **(response.extras.get(NAME) or {})}))


def locate(path: str, request: CountRequest) -> str:
    """The canonical `path` in the client's words."""
    return openai_responses.locate(path, request.request)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the model.
    """
    return peek_whole(body, said, _RELIED)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged for `model`, and without other providers' thoughts; all else byte for
    byte.
    """
    changes, removed = without_foreign(members_of(peeked, body, _RELIED))
    if not changes:
        return patch_whole(body, peeked, model, _RELIED)
    return members_of(peeked, body, _RELIED).edited({**changes, "model": msgspec.json.encode(model)}, removed)


def tap_response(body: bytes) -> Tapped:
    """That a count came; nothing is used by counting. Never raises."""
    return tap_count(body)
