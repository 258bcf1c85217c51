"""Bedrock's CountTokens: `POST /model/{modelId}/count-tokens`.

What shall be counted stands in the body as it would be asked: a request of Converse, or the body of an InvokeModel
call in base64. What was asked as such a body, or holds what only Claude's own words can say (signed thinking, unknown
fields), is asked about so, everything else as Converse's.
"""

from base64 import b64decode, b64encode
from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.counting import CountRequest, CountResponse
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects import anthropic, bedrock_converse, bedrock_invoke
from keywright.dialects.aws_error import decode_error, encode_error
from keywright.dialects.bedrock_converse.request_decode import request_of
from keywright.dialects.bedrock_converse.request_encode import body_of
from keywright.dialects.bedrock_converse.verbatim import without_foreign
from keywright.dialects.counting.counted import counted
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.members import Members, members_of, walked
from keywright.dialects.seal import MARK
from keywright.dialects.whole import answered, asked, peek_whole

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

NAME: Final = "bedrock_count"
CARRIES: Final = frozenset({NAME})

_RELIED: Final[frozenset[str]] = frozenset()
_COUNTED: Final = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""What CountTokens takes of a request of Converse."""


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> CountRequest:
    """The request whose tokens shall be counted, of the model that the path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(fields, said))


def _request(body: Fields, said: PathSaid) -> CountRequest:
    given = body.object("input") or Fields({}, "input")
    converse = given.json("converse")
    if isinstance(converse, dict):
        return CountRequest(request_of(converse, said))
    invoked = given.object("invokeModel")
    if invoked is None:
        raise WrongFieldError("input", "converse or invokeModel")
    try:
        inner = b64decode(invoked.needed_text("body"), validate=True)
    except ValueError:
        raise WrongFieldError("input.invokeModel.body", "base64") from None
    return CountRequest(bedrock_invoke.decode_request(inner, said))


def encode_request(request: CountRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the count."""
    inner = request.request
    if bedrock_invoke.NAME in inner.extras or _is_claudes(inner):
        encoded = bedrock_invoke.encode_request(inner, model, abilities)
        node: JsonObject = {"invokeModel": {"body": b64encode(encoded.body).decode()}}
        return Encoded(msgspec.json.encode({"input": node}), counted(encoded.losses))
    losses: list[Loss] = []
    body = body_of(inner, model, abilities, losses)
    converse = {field: body[field] for field in _COUNTED if field in body}
    return Encoded(msgspec.json.encode({"input": {"converse": converse}}), counted(losses))


def _is_claudes(request: Request) -> bool:
    """Whether a request holds what only the words of Claude's own API can say."""
    return anthropic.NAME in request.extras or any(
        getattr(part, "origin", None) == anthropic.NAME for turn in request.turns for part in turn.parts
    )


def decode_response(body: bytes) -> CountResponse:
    """The count that `body` tells.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "count of Bedrock's", _response)


def _response(value: Json) -> CountResponse:
    body = Fields(value)
    tokens = body.count("inputTokens", 0, 10**12)
    if tokens is None:
        raise WrongFieldError("inputTokens", "an integer")
    return CountResponse(tokens, extras=body.extras(NAME))


def encode_response(response: CountResponse, request: CountRequest) -> Encoded:
    """The answer that tells a client the count."""
    del request
    return Encoded(msgspec.json.encode({"inputTokens": response.input_tokens, **(response.extras.get(NAME) or {})}))


def locate(path: str, request: CountRequest) -> str:
    """The canonical `path` in the client's words."""
    if bedrock_invoke.NAME in request.request.extras:
        return f"input.invokeModel.body: {bedrock_invoke.locate(path, request.request)}"
    return f"input.converse.{bedrock_converse.locate(path, request.request)}"


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, with the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request`.
    """
    return peek_whole(body, said, _RELIED)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` without other providers' thoughts, else as it is: the path names the model."""
    del model
    if MARK not in body:
        return body
    members = members_of(peeked, body, _RELIED)
    asked_for = _inner(members, "input")
    converse = None if asked_for is None else _inner(asked_for, "converse")
    if asked_for is None or converse is None:
        return body
    edited = asked_for.edited({"converse": converse.edited(*without_foreign(converse))})
    return members.edited({"input": edited})


def _inner(members: Members, name: str) -> Members | None:
    """The members of the object at `name`; None when it is none."""
    raw = bytes(members.values.get(name, b""))
    return walked(raw, _RELIED) if raw.startswith(b"{") else None


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself: nothing is used by counting. Never raises."""
    try:
        checked(Usage(input=decode_response(body).input_tokens))
    except (UpstreamMalformedError, InconsistentUsageError):
        return Tapped()
    return Tapped(usage=Usage(), complete=True)
