"""Claude on Vertex AI: `…/models/{model}:rawPredict` and `:streamRawPredict`.

The Messages API as Google's guest: the path says the model and whether a stream is wanted, the body says a version in
place of the model, and features in test stand in the body (`anthropic_beta`), which elsewhere stand in a header. All
else, answers and streams included, is Anthropic's own; what Google itself refuses has the form of Google's errors.

So the bytes of Anthropic's own clients pass through with these two members exchanged, and signatures, which Anthropic
makes and takes on every platform, keep Anthropic as their origin.
"""

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek
from keywright.core.errors import NotTranslatableError
from keywright.core.failure import Failure
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.dialects import anthropic, gemini
from keywright.dialects.anthropic import (
    STREAM_BREAK,
    STREAM_TYPE,
    StreamReader,
    StreamWriter,
    Tap,
    decode_response,
    encode_error,
    encode_response,
    locate,
    tap_response,
)
from keywright.dialects.anthropic.request_encode import request_node
from keywright.dialects.anthropic.verbatim import RELIED as _RELIED
from keywright.dialects.anthropic.verbatim import without_foreign
from keywright.dialects.anthropic.wire import rendered
from keywright.dialects.members import members_of, walked

NAME: Final = "anthropic_vertex"
CARRIES: Final = frozenset({anthropic.NAME, NAME})
VERSION: Final = "vertex-2023-10-16"

_VERSION_MEMBER: Final = "anthropic_version"
_BETA_MEMBER: Final = "anthropic_beta"
_VERSION_JSON: Final = msgspec.json.encode(VERSION)
_THREAD_MEMBER: Final = "thread"
_THREAD: Final = Loss(_THREAD_MEMBER, "Vertex AI holds no conversation, so that it must come whole", "meaning")
_MODEL: Final = frozenset({"model"})
_GUEST: Final = frozenset({_VERSION_MEMBER, _BETA_MEMBER})
RELIED: Final = _RELIED | _GUEST
"""The members that are acted on."""

peek = anthropic.peek


class _Typed(Struct):
    """What tells an error of Anthropic's."""

    type: str = ""


_TYPED: Final = msgspec.json.Decoder(_Typed)


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` and its path are.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, RELIED)
    model = {"model": msgspec.json.encode(said.model)} if said.model else {}
    request = anthropic.decode_request(members.edited(model, _GUEST))
    beta = members.values.get(_BETA_MEMBER)
    extras = request.extras
    if beta is not None:
        extras = {**extras, NAME: {_BETA_MEMBER: msgspec.json.decode(beta)}}
    return replace(request, stream=request.stream or said.stream, extras=extras)


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks a model, which the path names, for what `request` says; and what could not be said."""
    guest: JsonObject = request.extras.get(NAME) or {}
    if guest:
        request = replace(request, extras={name: said for name, said in request.extras.items() if name != NAME})
    body, losses = request_node(request, model, abilities)
    del body["model"]
    if body.pop(_THREAD_MEMBER, None) is not None:
        losses.append(_THREAD)
    return Encoded(rendered({_VERSION_MEMBER: VERSION, **guest, **body}), tuple(losses))


def decode_error(status: int, body: bytes) -> Failure:
    """The failure that an answer with `status` and `body` is, in Anthropic's form or in Google's. Never raises."""
    try:
        own = _TYPED.decode(body).type == "error"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        own = False
    return anthropic.decode_error(status, body) if own else gemini.decode_error(status, body)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:  # the path names the model
    """`body` without the model and other providers' thoughts, and with the version; for a stream that only the path
    asks for, with that; all else byte for byte.

    Raises:
        NotTranslatableError: it goes on with a conversation that only Anthropic holds.
    """
    members = members_of(peeked, body, RELIED)
    if bytes(members.values.get(_THREAD_MEMBER, b"null")) != b"null":
        raise NotTranslatableError((_THREAD,))
    changes, removed = without_foreign(members)
    if _VERSION_MEMBER not in members.values:
        changes[_VERSION_MEMBER] = _VERSION_JSON
    if peeked.stream and bytes(members.values.get("stream", b"")) != b"true":
        changes["stream"] = b"true"
    return members.edited(changes, _MODEL | removed)


__all__ = [
    "CARRIES",
    "NAME",
    "STREAM_BREAK",
    "STREAM_TYPE",
    "StreamReader",
    "StreamWriter",
    "Tap",
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
