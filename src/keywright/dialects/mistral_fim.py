"""Mistral's fill-in-the-middle completions: code before, code after, and an answer like a chat's.

Code before is what a user says, code after an extra of this dialect, so that a request keeps the canonical form; but no
other provider is asked to fill in a middle, and a request of another dialect is none. The answer is Mistral's, whole
and as a stream.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid
from keywright.core.json import JsonObject
from keywright.core.message import Text, Turn
from keywright.core.request import Request, Sampling
from keywright.dialects.fields import Fields
from keywright.dialects.mistral import (
    STREAM_BREAK,
    STREAM_TYPE,
    StreamReader,
    StreamWriter,
    Tap,
    decode_error,
    decode_response,
    encode_error,
    encode_response,
    patch,
    peek,
    tap_response,
)
from keywright.dialects.openai_chat.target import Target
from keywright.dialects.whole import asked

NAME: Final = "mistral_fim"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "prompt", "suffix", "stream", "max_tokens", "metadata"})
_FIELDS: Final = {"turns[0].parts[0]": "prompt", "output_tokens_max": "max_tokens", "seed": "random_seed"}
_UNSAID: Final = ("tools", "tool_choice", "reasoning", "format", "choices", "user", "service_tier", "cache")
_KNOBS: Final = frozenset({"tool_choice", "reasoning", "user", "service_tier", "cache"})
_NO_FIELD: Final = "a fill-in-the-middle completion has no such field"


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, _request)


def _request(body: Fields) -> Request:
    metadata = body.object("metadata")
    return Request(
        model=body.needed_text("model"),
        turns=(Turn("user", (Text(body.needed_text("prompt")),)),),
        output_tokens_max=body.count("max_tokens"),
        stop=body.texts("stop"),
        sampling=Sampling(
            temperature=body.number("temperature"), top_p=body.number("top_p"), seed=body.integer("random_seed")
        ),
        stream=body.flag("stream") or False,
        metadata=None if metadata is None else metadata.left,
        extras=body.extras(NAME),
    )


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` to fill in the middle. A conversation cannot be asked: its turns are lost meaning."""
    target = Target(abilities, NAME, "a fill-in-the-middle completion")
    body: JsonObject = {"model": model, "prompt": _prompt(request, target)}
    if request.output_tokens_max is not None:
        body["max_tokens"] = request.output_tokens_max
    if request.stop:
        body["stop"] = list(request.stop)
    _sampling(request.sampling, body, target)
    if request.stream:
        body["stream"] = True
    if request.metadata is not None:
        body["metadata"] = request.metadata
    for field in _UNSAID:
        if getattr(request, field):
            (target.knob if field in _KNOBS else target.meaning)(field, _NO_FIELD)
    body.update(target.extras(request.extras))
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _prompt(request: Request, target: Target) -> str:
    match request.turns:
        case (Turn("user", (Text(text),)),):
            return text
        case _:
            target.meaning("turns", "a fill-in-the-middle completion takes one text, not a conversation")
            return ""


def _sampling(sampling: Sampling, body: JsonObject, target: Target) -> None:
    names = {"temperature": "temperature", "top_p": "top_p", "seed": "random_seed"}
    for knob in Sampling.__struct_fields__:
        value = getattr(sampling, knob)
        if knob in names and value is not None:
            body[names[knob]] = value
        elif value:
            target.knob(knob, _NO_FIELD)


def locate(path: str, request: Request) -> str:  # the same for every request
    """The canonical `path` in the client's words."""
    return _FIELDS.get(path, path)


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
