"""Gemini's `countTokens`. The Gemini API counts a whole request only where it stands inside `generateContentRequest`;
Vertex AI, whose form is `vertex`, wants the same members at the top. Contents alone are counted by both as they are.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.counting import CountRequest, CountResponse
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects import gemini
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.error import decode_error, encode_error
from keywright.dialects.gemini.request_in import request_of
from keywright.dialects.gemini.request_out import request_node
from keywright.dialects.gemini.verbatim import without_foreign
from keywright.dialects.gemini.wire import Node, message, rendered, whole
from keywright.dialects.members import Members, members_of, walked
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

NAME: Final = "gemini_count"
CARRIES: Final = frozenset({NAME})

WHOLE: Final = ("generateContentRequest", "generate_content_request")
"""Where a whole request stands in a body, in both spellings."""

_RELIED: Final = frozenset({"contents", "model", *WHOLE})


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> CountRequest:
    """The request whose tokens shall be counted, of the model that the path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(fields, said))


def _request(body: Fields, said: PathSaid) -> CountRequest:
    node = message(body.left).left
    inner = node.get(WHOLE[0])
    return CountRequest(request_of(node if inner is None else inner, said))


def encode_request(request: CountRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the count."""
    losses: list[Loss] = []
    node = request_node(request.request, abilities, losses)
    if node.keys() != {"contents"}:
        inner: Node = {"model": f"models/{model}", **node}
        node = {WHOLE[0]: inner}
    return Encoded(rendered(node), tuple(losses))


def decode_response(body: bytes) -> CountResponse:
    """The count that `body` tells.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "count of Gemini's", _response)


def _response(value: Json) -> CountResponse:
    body = message(value)
    total = whole(body, "totalTokens")
    cached = whole(body, "cachedContentTokenCount")
    if total is None and "totalBillableCharacters" not in body.left and value != {}:  # a count of zero is not written
        raise WrongFieldError("totalTokens", "an integer")
    return CountResponse(total or 0, cached or 0, extras=body.extras(gemini.NAME))


def encode_response(response: CountResponse, request: CountRequest) -> Encoded:
    """The answer that tells a client the count."""
    del request
    body: JsonObject = {"totalTokens": response.input_tokens}
    if response.cached_tokens:
        body["cachedContentTokenCount"] = response.cached_tokens
    return Encoded(rendered({**body, **(response.extras.get(gemini.NAME) or {})}))


def locate(path: str, request: CountRequest) -> str:
    """The canonical `path` in the client's words."""
    return gemini.locate(path, request.request)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, with the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return msgspec.structs.replace(gemini.peek(body, said), output_tokens_max=0)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` without other providers' thoughts, else as it is; where it repeats the model's name, alone or in the whole
    request, with that exchanged.
    """
    members = members_of(peeked, body, _RELIED)
    changes: dict[str, bytes] = {}
    _edit(members, model, changes)
    for name in WHOLE:
        raw = members.values.get(name)
        if raw is not None and bytes(raw).startswith(b"{"):
            inner = walked(bytes(raw), _RELIED)
            edits: dict[str, bytes] = {}
            _edit(inner, model, edits)
            if edits:
                changes[name] = inner.edited(edits)
    return members.edited(changes) if changes else body


def _edit(members: Members, model: str, changes: dict[str, bytes]) -> None:
    changes |= without_foreign(members)[0]
    if "model" in members.values:
        changes["model"] = msgspec.json.encode(f"models/{model}")


class _Counted(Struct):
    totalTokens: int | None = None  # noqa: N815  # the wire's own name


_COUNTED: Final = msgspec.json.Decoder(_Counted)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself: nothing is used by counting. Never raises."""
    try:
        counted = _COUNTED.decode(body)
        checked(Usage(input=counted.totalTokens or 0))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InconsistentUsageError):
        return Tapped()
    return Tapped(usage=Usage(), complete=counted.totalTokens is not None)
