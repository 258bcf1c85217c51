"""Cohere's `/v2/embed`. Answers of the older `/v1/embed` are read too.

Cohere wants to be told what the vectors are for. Where nobody knows, they are said to be of documents, which is what
most vectors are of; that is reported. What is billed for images is told beside the tokens of texts.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedPart, EmbedRequest, EmbedResponse, Purpose, Vector, VectorType
from keywright.core.json import Json, JsonObject
from keywright.core.message import Base64Source, Image, Text, UrlSource
from keywright.core.usage import Usage
from keywright.dialects.cohere.error import decode_error, encode_error
from keywright.dialects.cohere.parts import decode_content, image_url
from keywright.dialects.cohere.usage import encode_units, usage_of
from keywright.dialects.embeddings.inputs import Losses, lose_dimensions, lose_rest, of_texts, written_as
from keywright.dialects.embeddings.vectors import read_numbers
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
from keywright.dialects.whole import answered, asked, patch_whole, peek_whole, tap_whole

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

NAME: Final = "cohere_embeddings"
CARRIES: Final = frozenset({NAME})
INPUTS_MAX: Final = 96

_RELIED: Final = frozenset({"model", "texts", "images", "inputs"})
_PURPOSES: Final[dict[str, Purpose]] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
}
_INPUT_TYPES: Final[dict[Purpose, str]] = {
    **{purpose: word for word, purpose in _PURPOSES.items()},
    "similarity": "clustering",
    "other": "search_document",
}
_TYPES: Final[dict[str, VectorType]] = {
    "float": "float",
    "base64": "base64",
    "int8": "int8",
    "uint8": "uint8",
    "binary": "binary",
    "ubinary": "ubinary",
}


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, _request)


def _request(body: Fields) -> EmbedRequest:
    word = body.text("input_type")
    purpose = _PURPOSES.get(word or "")
    if purpose is None and word not in (None, "image"):
        body.keep("input_type", word)
    types = []
    for value in body.array("embedding_types"):
        if not isinstance(value, str) or value not in _TYPES:
            raise WrongFieldError("embedding_types", f"an array of {', '.join(_TYPES)}")
        types.append(_TYPES[value])
    match cut := body.text("truncate"):
        case None:
            truncate = None
        case "START" | "END" | "NONE":
            truncate = cut.lower()
        case _:
            raise WrongFieldError("truncate", "NONE, START or END")
    return EmbedRequest(
        model=body.needed_text("model"),
        inputs=_inputs(body),
        purpose=purpose,
        dimensions=body.count("output_dimension", 1),
        types=tuple(types) or ("float",),
        truncate=truncate,  # type: ignore[arg-type]  # one of the three, as just matched
        extras=body.extras(NAME),
    )


def _inputs(body: Fields) -> tuple[EmbedInput, ...]:
    """The texts, then the images, then the mixed inputs: a request has one kind of them."""
    found = list(of_texts(_strings(body, "texts")))
    found += (EmbedInput((_image(url),)) for url in _strings(body, "images"))
    for index, value in enumerate(body.array("inputs")):
        item = Fields(value, f"inputs[{index}]")
        parts: list[EmbedPart] = []
        for part in decode_content(item.json("content"), item.at("content")):
            if not isinstance(part, Text | Image):
                raise WrongFieldError(item.at("content"), "an array of texts and images")
            parts.append(part)
        found.append(EmbedInput(tuple(parts)))
    if not found:
        raise WrongFieldError("texts", "there, or images or inputs")
    return tuple(found)


def _strings(body: Fields, name: str) -> list[str]:
    values = body.array(name)
    strings = [value for value in values if isinstance(value, str)]
    if len(strings) != len(values):
        raise WrongFieldError(name, "an array of strings")
    return strings


def _image(url: str) -> Image:
    (part,) = decode_content([{"type": "image_url", "image_url": {"url": url}}], "images")
    assert isinstance(part, Image)
    return part


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for the vectors."""
    losses = Losses("Cohere")
    extra = losses.extras(request.extras, NAME)
    body: JsonObject = {"model": model}
    if len(request.inputs) > INPUTS_MAX:
        losses.meaning("inputs", f"Cohere takes at most {INPUTS_MAX} at once")
    _write_inputs(request.inputs, body, losses)
    body["input_type"] = _input_type(request, "images" in body, "input_type" in extra, losses)
    body["embedding_types"] = list(request.types)
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None:
        body["output_dimension"] = dimensions
    if request.truncate is not None:
        body["truncate"] = request.truncate.upper()
    lose_rest(request, losses, "purpose", "truncate")
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses.found.values()))


def _input_type(request: EmbedRequest, only_images: bool, said: bool, losses: Losses) -> str:
    match request.purpose:
        case None if only_images:
            return "image"
        case None:
            if not said:
                losses.knob("purpose", "Cohere wants to know what the vectors are for: documents to be searched")
            return "search_document"
        case "similarity" | "other" as purpose:
            losses.knob("purpose", f"Cohere has no word for {purpose}: {_INPUT_TYPES[purpose]}")
            return _INPUT_TYPES[purpose]
        case purpose:
            return _INPUT_TYPES[purpose]


def _write_inputs(inputs: tuple[EmbedInput, ...], body: JsonObject, losses: Losses) -> None:
    """Put the inputs into the plainest of the three members that can hold them."""
    contents = [_content(item, f"inputs[{index}]", losses) for index, item in enumerate(inputs)]
    texts = [content[0].get("text") for content in contents if len(content) == 1]
    images = [content[0].get("image_url") for content in contents if len(content) == 1]
    if len(texts) == len(contents) and all(isinstance(text, str) for text in texts):
        body["texts"] = texts
    elif len(images) == len(contents) and all(isinstance(image, dict) for image in images):
        body["images"] = [image["url"] for image in images if isinstance(image, dict)]
    else:
        body["inputs"] = [{"content": [*content]} for content in contents]


def _content(item: EmbedInput, path: str, losses: Losses) -> list[JsonObject]:
    content: list[JsonObject] = []
    for index, part in enumerate(item.parts):
        match part:
            case Text():
                content.append({"type": "text", "text": part.text})
            case Image(source=Base64Source() | UrlSource() as source):
                content.append({"type": "image_url", "image_url": {"url": image_url(source)}})
            case Image():
                losses.meaning(f"{path}.parts[{index}]", "Cohere takes images by address or as data only")
            case _:
                losses.meaning(f"{path}.parts[{index}]", "Cohere takes text, not another model's tokens")
    return content


def decode_response(body: bytes) -> EmbedResponse:
    """The vectors that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "embeddings of Cohere's", lambda value: _response(Fields(value)))


def _response(body: Fields) -> EmbedResponse:
    given = body.json("embeddings")
    number = body.text("id") or ""
    body.json("response_type")
    usage = meta_usage(body.left.get("meta"))
    vectors: tuple[Vector, ...]
    if isinstance(given, list):  # the older API, when it was asked for no types
        vectors = tuple(read_numbers(item, f"embeddings[{index}]") for index, item in enumerate(given))
    elif isinstance(given, dict):
        vectors = _by_type(given)
    else:
        raise WrongFieldError("embeddings", "an object")
    return EmbedResponse("", vectors, number, usage, body.extras(NAME))


def _by_type(given: JsonObject) -> tuple[Vector, ...]:
    """The vectors, each with all its writings."""
    vectors: list[Vector] = []
    for name, values in given.items():
        if name not in _TYPES or not isinstance(values, list):
            continue
        kind = _TYPES[name]
        for index, value in enumerate(values):
            found = read_numbers(value, f"embeddings.{name}[{index}]", kind)
            if index == len(vectors):
                vectors.append(Vector({}))
            vectors[index] = Vector({**vectors[index].written, **found.written})
    return tuple(vectors)


def meta_usage(meta: Json) -> Usage | None:
    """What a `meta` object says is billed."""
    if not isinstance(meta, dict):
        return None
    units = meta.get("billed_units")
    return usage_of({"billed_units": units}).used if isinstance(units, dict) else None


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`, in each writing that it wants."""
    losses = [*answer_losses(response.extras, NAME, "", "Cohere has no such field")]
    embeddings: dict[str, object] = {}
    for wanted in request.types:
        numbers = written_as(response.vectors, wanted, losses)
        if numbers is not None:
            embeddings[wanted] = numbers
    extra = response.extras.get(NAME) or {}
    body: dict[str, object] = {
        "id": response.id,
        "embeddings": embeddings,
        "texts": [part.text for item in request.inputs for part in item.parts if isinstance(part, Text)],
        "meta": {"api_version": {"version": "2"}, "billed_units": encode_units(response.usage)},
        "response_type": "embeddings_by_type",
    }
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses))


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    if path.startswith("inputs"):
        plain = [item.parts[0] for item in request.inputs if len(item.parts) == 1]
        at = path[len("inputs") :]
        if len(plain) < len(request.inputs):
            return "inputs" + at.replace(".parts[", ".content[")
        kind = "texts" if all(isinstance(part, Text) for part in plain) else "images"
        return kind + at.partition(".")[0]
    return {"types": "embedding_types", "dimensions": "output_dimension", "purpose": "input_type"}.get(path, path)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the model.
    """
    return peek_whole(body, said, _RELIED)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged for `model`; all else byte for byte."""
    return patch_whole(body, peeked, model, _RELIED)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises."""
    return tap_whole(body, lambda known: meta_usage(known.meta))
