"""Nova's embeddings, as Bedrock's InvokeModel takes them: one vector for one text or one picture.

The path names the model. What the vector is for must be said; where nobody knows, it is said to be one of an index, of
which most vectors are, and that is reported. Sound and films pass through as they are; nobody else embeds them here.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedPart, EmbedRequest, EmbedResponse, Purpose
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Base64Source, Image, Text
from keywright.dialects.aws_error import decode_error, encode_error
from keywright.dialects.bedrock_converse.wire import IMAGE_FORMATS, IMAGE_TYPES
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

NAME: Final = "nova_embeddings"
CARRIES: Final = frozenset({NAME})

SINGLE: Final = "SINGLE_EMBEDDING"
PARAMS: Final = "singleEmbeddingParams"

_RELIED: Final[frozenset[str]] = frozenset()
_PURPOSES: Final[dict[str, Purpose]] = {
    "GENERIC_INDEX": "document",
    "GENERIC_RETRIEVAL": "query",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}
_WORDS: Final[dict[Purpose, str]] = {
    **{purpose: word for word, purpose in _PURPOSES.items()},
    "similarity": "CLUSTERING",
    "other": "GENERIC_INDEX",
}
_CUTS: Final = frozenset({"START", "END", "NONE"})


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(fields, said.model))


def _request(body: Fields, model: str) -> EmbedRequest:
    if body.json("taskType") != SINGLE:
        raise WrongFieldError("taskType", SINGLE)
    params = body.object(PARAMS)
    if params is None:
        raise WrongFieldError(PARAMS, "an object")
    word = params.text("embeddingPurpose")
    purpose = _PURPOSES.get(word or "")
    if purpose is None:
        params.keep("embeddingPurpose", word)
    parts, cut = _parts(params)
    dimensions = params.count("embeddingDimension", 1)
    if params.left:
        body.keep(PARAMS, params.left)
    return EmbedRequest(
        model=model,
        inputs=(EmbedInput(parts),),
        single=True,
        purpose=purpose,
        dimensions=dimensions,
        truncate=cut,  # type: ignore[arg-type]  # one of the three
        extras=body.extras(NAME),
    )


def _parts(params: Fields) -> tuple[tuple[EmbedPart, ...], str | None]:
    """What becomes a vector, and where it may be cut."""
    text = params.object("text")
    if text is not None:
        cut = text.text("truncationMode")
        if cut is not None and cut not in _CUTS:
            raise WrongFieldError(text.at("truncationMode"), "START, END or NONE")
        return (Text(text.needed_text("value")),), None if cut is None else cut.lower()
    match picture := params.json("image"):
        case {"format": str(word), "source": {"bytes": str(data)}, **rest} if word in IMAGE_TYPES and not rest:
            return (Image(Base64Source(IMAGE_TYPES[word], data)),), None
        case None:
            raise WrongFieldError(params.at("text"), "there, or image")
        case _:
            params.keep("image", picture)
            return (), None


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the vector."""
    del model
    losses = Losses("Nova")
    extra = losses.extras(request.extras, NAME)
    kept = extra.get(PARAMS)
    kept = kept if isinstance(kept, dict) else {}
    if len(request.inputs) != 1:
        losses.meaning("inputs", "Nova takes one input at a time")
    params: JsonObject = {}
    if "embeddingPurpose" not in kept:
        params["embeddingPurpose"] = _purpose(request.purpose, losses)
    params |= _input(request.inputs[0].parts if request.inputs else (), request.truncate, losses)
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None:
        params["embeddingDimension"] = dimensions
    lose_types(request.types, losses)
    lose_rest(request, losses, "purpose", "truncate")
    rest = {field: value for field, value in extra.items() if field != PARAMS}
    body = {"taskType": SINGLE, PARAMS: {**params, **kept}, **rest}
    return Encoded(msgspec.json.encode(body), tuple(losses.found.values()))


def _purpose(purpose: Purpose | None, losses: Losses) -> str:
    if purpose is None:
        losses.knob("purpose", "Nova wants to know what the vectors are for: an index")
        return "GENERIC_INDEX"
    if _PURPOSES.get(_WORDS[purpose]) != purpose:
        losses.knob("purpose", f"Nova has no word for {purpose}: {_WORDS[purpose]}")
    return _WORDS[purpose]


def _input(parts: tuple[EmbedPart, ...], cut: str | None, losses: Losses) -> JsonObject:
    """The text or the picture."""
    texts: list[str] = []
    said: JsonObject = {}
    for index, part in enumerate(parts):
        path = f"inputs[0].parts[{index}]"
        match part:
            case Text():
                texts.append(part.text)
            case Image(source=Base64Source(media_type, data)) if media_type in IMAGE_FORMATS and not said:
                said = {"image": {"format": IMAGE_FORMATS[media_type], "source": {"bytes": data}}}
            case Image():
                losses.meaning(path, "Nova takes one picture, as PNG, JPEG, GIF or WebP data")
            case _:
                losses.meaning(path, "Nova takes text, not another model's tokens")
    if texts and said:
        losses.meaning("inputs[0]", "Nova takes a text or a picture")
    if texts:
        said["text"] = {"value": "\n".join(texts), "truncationMode": (cut or "none").upper()}
    return said


def decode_response(body: bytes) -> EmbedResponse:
    """The vector that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this wire; says where it differs.
    """
    return answered(body, "embedding of Nova's", lambda value: _response(Fields(value)))


def _response(body: Fields) -> EmbedResponse:
    given = body.array("embeddings")
    if not given:
        raise WrongFieldError("embeddings", "an array of at least one vector")
    items = [Fields(item, f"embeddings[{index}]") for index, item in enumerate(given)]
    vectors = tuple(read_numbers(item.json("embedding"), item.at("embedding")) for item in items)
    return EmbedResponse("", vectors, extras=body.extras(NAME))


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`."""
    losses: list[Loss] = list(answer_losses(response.extras, NAME, "", "Nova's answer has no such field"))
    pictured = any(isinstance(part, Image) for item in request.inputs for part in item.parts)
    kind = "IMAGE" if pictured else "TEXT"
    numbers = written_as(response.vectors, "float", losses) or []
    body: dict[str, object] = {
        "embeddings": [{"embeddingType": kind, "embedding": vector} for vector in numbers],
        **(response.extras.get(NAME) or {}),
    }
    return Encoded(msgspec.json.encode(body), tuple(losses))


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    del request
    field, _, _ = path.partition("[")
    names = {
        "inputs": "text",
        "purpose": "embeddingPurpose",
        "dimensions": "embeddingDimension",
        "truncate": "text.truncationMode",
    }
    return f"{PARAMS}.{names[field]}" if field in names else path


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
        decode_response(body)
    except UpstreamMalformedError:
        return Tapped()
    return Tapped(complete=True)
