"""Titan's embeddings, as Bedrock's InvokeModel takes them: one vector for one text, or a text and a picture.

The path names the model. Bits (`binary`) are written one number each, which no other wire does: they pass through as
they are, and only floats are understood.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedPart, EmbedRequest, EmbedResponse
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Base64Source, Image, Text
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.aws_error import decode_error, encode_error
from keywright.dialects.embeddings.inputs import Losses, lose_dimensions, lose_rest, lose_types, written_as
from keywright.dialects.embeddings.vectors import read_numbers
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
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

NAME: Final = "titan_embeddings"
CARRIES: Final = frozenset({NAME})

_RELIED: Final[frozenset[str]] = frozenset()
_PICTURE: Final = "image/png"
"""The media type of a picture, of which this wire says nothing."""
_TYPES: Final = "embeddingTypes"
_FLOAT_ONLY: Final = ["float"]


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(fields, said.model))


def _request(body: Fields, model: str) -> EmbedRequest:
    parts: list[EmbedPart] = []
    if (text := body.text("inputText")) is not None:
        parts.append(Text(text))
    if (picture := body.text("inputImage")) is not None:
        parts.append(Image(Base64Source(_PICTURE, picture)))
    if not parts:
        raise WrongFieldError("inputText", "there, or inputImage")
    types = body.json(_TYPES)
    if types not in (None, _FLOAT_ONLY):
        body.keep(_TYPES, types)
    config = body.object("embeddingConfig") or Fields({}, "embeddingConfig")
    length = config.count("outputEmbeddingLength", 1)
    if config.left:
        body.keep("embeddingConfig", config.left)
    return EmbedRequest(
        model=model,
        inputs=(EmbedInput(tuple(parts)),),
        single=True,
        dimensions=body.count("dimensions", 1) or length,
        normalize=body.flag("normalize"),
        extras=body.extras(NAME),
    )


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the vector."""
    del model
    losses = Losses("Titan")
    extra = losses.extras(request.extras, NAME)
    if len(request.inputs) != 1:
        losses.meaning("inputs", "Titan takes one input at a time")
    body: JsonObject = {}
    texts: list[str] = []
    for index, part in enumerate(request.inputs[0].parts if request.inputs else ()):
        match part:
            case Text():
                texts.append(part.text)
            case Image(source=Base64Source(_, data)):
                body["inputImage"] = data
            case Image():
                losses.meaning(f"inputs[0].parts[{index}]", "Titan takes pictures as data only")
            case _:
                losses.meaning(f"inputs[0].parts[{index}]", "Titan takes text, not another model's tokens")
    if texts:
        body["inputText"] = "\n".join(texts)
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None and "inputImage" in body:
        body["embeddingConfig"] = {"outputEmbeddingLength": dimensions}
    elif dimensions is not None:
        body["dimensions"] = dimensions
    if request.normalize is not None:
        body["normalize"] = request.normalize
    lose_types(request.types, losses)
    lose_rest(request, losses, "normalize")
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses.found.values()))


def decode_response(body: bytes) -> EmbedResponse:
    """The vector that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this wire; says where it differs.
    """
    return answered(body, "embedding of Titan's", lambda value: _response(Fields(value)))


def _response(body: Fields) -> EmbedResponse:
    if "embedding" not in body.left and "embeddingsByType" not in body.left:
        raise WrongFieldError("embedding", "an array of numbers")
    given = body.json("embedding")
    usage = usage_of(body.json("inputTextTokenCount"))
    body.json("message")
    by_type = body.left.get("embeddingsByType")
    if given is None and isinstance(by_type, dict):
        given = by_type.get("float")
    if isinstance(by_type, dict) and by_type.keys() <= {"float"}:
        del body.left["embeddingsByType"]
    vectors = () if given is None else (read_numbers(given, "embedding"),)
    return EmbedResponse("", vectors, usage=usage, extras=body.extras(NAME))


def usage_of(tokens: object) -> Usage | None:
    """The usage of so many tokens; None when the number makes no sense."""
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        return None
    try:
        return checked(Usage(input=tokens))
    except InconsistentUsageError:
        return None


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`."""
    del request
    losses: list[Loss] = list(answer_losses(response.extras, NAME, "", "Titan's answer has no such field"))
    numbers = written_as(response.vectors[:1], "float", losses) or []
    body: dict[str, object] = {
        "embedding": numbers[0] if numbers else [],
        "inputTextTokenCount": response.usage.input_total if response.usage is not None else 0,
        "embeddingsByType": {"float": numbers[0] if numbers else []},
    }
    return Encoded(msgspec.json.encode({**body, **(response.extras.get(NAME) or {})}), tuple(losses))


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    if path.startswith("inputs"):
        pictured = any(isinstance(part, Image) for item in request.inputs for part in item.parts)
        return "inputImage" if pictured and path.endswith("parts[1]") else "inputText"
    return {"types": _TYPES}.get(path, path)


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
    """What a whole answer tells of itself. Never raises."""
    try:
        response = decode_response(body)
    except UpstreamMalformedError:
        return Tapped()
    return Tapped(usage=response.usage, complete=True)
