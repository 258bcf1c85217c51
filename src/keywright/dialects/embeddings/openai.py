"""OpenAI's `/v1/embeddings`, and what Mistral, Together, Ollama, Perplexity and others make of it.

What they add and the canonical request has: Mistral's `output_dimension` and `output_dtype`, and the `input_type` and
`truncate` of several. A client's own spelling of these goes out again as it came; a request from another dialect
names its dimensions as the model's abilities say.
"""

from typing import Final, Literal

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse, Purpose, Tokens, Vector, VectorType
from keywright.core.errors import ProviderError
from keywright.core.json import Json, JsonObject
from keywright.core.message import Text
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.embeddings.inputs import (
    EXACT_TYPES,
    Losses,
    lose_dimensions,
    lose_rest,
    lose_types,
    of_texts,
    text_of,
    written_as,
)
from keywright.dialects.embeddings.vectors import read_numbers
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_chat.error import decode_error, encode_error, failure_of
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

NAME: Final = "openai_embeddings"
CARRIES: Final = frozenset({NAME})
INPUTS_MAX: Final = 2_048

_RELIED: Final = frozenset({"model", "input", "user"})
_PURPOSES: Final[dict[str, Purpose]] = {
    "query": "query",
    "document": "document",
    "passage": "document",
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
}
_TYPES: Final[dict[str, VectorType]] = {
    "float": "float",
    "int8": "int8",
    "uint8": "uint8",
    "binary": "binary",
    "ubinary": "ubinary",
}
_ANSWER_FIELDS: Final = frozenset(("object", "data", "model", "usage"))
_USAGE_FIELDS: Final = frozenset(("prompt_tokens", "total_tokens"))


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, _request)


def _request(body: Fields) -> EmbedRequest:
    dimensions = body.count("dimensions", 1)
    if dimensions is None and (dimensions := body.count("output_dimension", 1)) is not None:
        body.keep("output_dimension", dimensions)
    return EmbedRequest(
        model=body.needed_text("model"),
        inputs=_inputs(body.json("input")),
        dimensions=dimensions,
        types=_types(body),
        purpose=_PURPOSES.get(str(body.left.get("input_type")).lower()),
        truncate=_truncate(body.left.get("truncate")),
        user=body.text("user"),
        extras=body.extras(NAME),
    )


def _inputs(value: Json) -> tuple[EmbedInput, ...]:
    if isinstance(value, str):
        return of_texts([value])
    if not isinstance(value, list) or not value:
        raise WrongFieldError("input", "a string, or an array of strings or of tokens")
    if all(type(item) is int for item in value):
        return (_tokens(value, "input"),)
    return tuple(
        EmbedInput((Text(item),)) if isinstance(item, str) else _tokens(item, f"input[{index}]")
        for index, item in enumerate(value)
    )


def _tokens(value: Json, path: str) -> EmbedInput:
    ids = tuple(item for item in value if type(item) is int) if isinstance(value, list) else ()
    if not isinstance(value, list) or not ids or len(ids) != len(value):
        raise WrongFieldError(path, "a string or an array of tokens")
    return EmbedInput((Tokens(ids),))


def _types(body: Fields) -> tuple[VectorType, ...]:
    """The writing that is asked for. A word that only one vendor knows stays among the extras."""
    form = body.text("encoding_format")
    if form not in (None, "float", "base64"):
        body.keep("encoding_format", form)
    if form == "base64":
        return ("base64",)
    return (_TYPES.get(str(body.left.get("output_dtype")), "float"),)


def _truncate(word: Json) -> Literal["start", "end", "none"] | None:
    match word.lower() if isinstance(word, str) else None:
        case "start" | "end" | "none" as known:
            return known
        case _:
            return None


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for the vectors. Those are floats; what the client wants is made of them."""
    losses = Losses("OpenAI")
    extra = losses.extras(request.extras, NAME)
    inputs = [_input(item, f"inputs[{index}]", losses) for index, item in enumerate(request.inputs)]
    if len(inputs) > INPUTS_MAX:
        losses.meaning("inputs", f"OpenAI takes at most {INPUTS_MAX} at once")
    body: JsonObject = {"model": model, "input": list(inputs)}
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None and "output_dimension" not in extra:
        body[abilities.dimensions_field] = dimensions
    _write_types(request, body, abilities, extra, losses)
    plain = abilities.dimensions_field == "dimensions"
    if request.user is not None and plain:
        body["user"] = request.user
    kept = ["user"] if plain else []
    kept += ["purpose"] if "input_type" in extra else []
    kept += ["truncate"] if "truncate" in extra or request.truncate == "none" else []
    lose_rest(request, losses, *kept)
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses.found.values()))


def _input(item: EmbedInput, path: str, losses: Losses) -> Json:
    match item.parts:
        case (Tokens(ids),):
            return list(ids)
        case _:
            return text_of(item, path, losses)


def _write_types(
    request: EmbedRequest, body: JsonObject, abilities: Abilities, extra: JsonObject, losses: Losses
) -> None:
    """Ask for base64 where nothing else is wanted; for one of Mistral's types where the model gives such."""
    types = request.types
    if types == ("base64",):
        body["encoding_format"] = "base64"
    elif EXACT_TYPES.issuperset(types) or "output_dtype" in extra:
        return
    elif abilities.dimensions_field == "output_dimension" and len(types) == 1:
        body["output_dtype"] = types[0]
    else:
        lose_types(types, losses)


def decode_response(body: bytes) -> EmbedResponse:
    """The vectors that `body` holds.

    Raises:
        UpstreamMalformedError: it is no list of embeddings; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return answered(body, "list of embeddings", lambda value: _response(Fields(value)))


def _response(body: Fields) -> EmbedResponse:
    if "data" not in body.left and body.left.get("error") is not None:
        raise ProviderError(failure_of(body.left["error"]))
    if not isinstance(body.left.get("data"), list):
        raise WrongFieldError("data", "an array")
    placed: list[tuple[int, Vector]] = []
    for position, value in enumerate(body.array("data")):
        item = Fields(value, f"data[{position}]")
        index = item.integer("index")
        vector = read_numbers(item.json("embedding"), item.at("embedding"))
        placed.append((position if index is None else index, vector))
    placed.sort(key=lambda pair: pair[0])
    body.json("object")
    number, model, usage = body.text("id") or "", body.text("model") or "", body.json("usage")
    rest: JsonObject = (
        {k: v for k, v in usage.items() if k not in _USAGE_FIELDS and v is not None} if isinstance(usage, dict) else {}
    )
    if rest:
        body.keep("usage", rest)
    return EmbedResponse(model, tuple(vector for _, vector in placed), number, usage_of(usage), body.extras(NAME))


def usage_of(value: Json) -> Usage | None:
    """The units of a `usage` object; None when there is none or its number makes no sense."""
    if not isinstance(value, dict):
        return None
    tokens = value.get("prompt_tokens")
    if tokens is None:
        tokens = value.get("total_tokens")  # some say the sum only
    if type(tokens) is not int:
        return None
    try:
        return checked(Usage(input=tokens))
    except InconsistentUsageError:
        return None


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The list of embeddings for a client that asked `request`, written as it wants them."""
    losses = [*answer_losses(response.extras, NAME, "", "OpenAI has no such field")]
    wanted = request.types[0]
    if wanted not in EXACT_TYPES and all(map(_is_whole, response.vectors)):
        wanted = "float"  # so they were written: whole numbers are of the type that was asked for
    numbers = written_as(response.vectors, wanted, losses) or []
    extra = response.extras.get(NAME) or {}
    tokens = 0 if response.usage is None else response.usage.input_total
    usage: JsonObject = {"prompt_tokens": tokens, "total_tokens": tokens}
    kept = extra.get("usage")
    body: dict[str, object] = {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(numbers)],
        "model": response.model or request.model,
        "usage": {**kept, **usage} if isinstance(kept, dict) else usage,
    }
    if response.id:
        body["id"] = response.id
    body |= {field: value for field, value in extra.items() if field not in _ANSWER_FIELDS}
    return Encoded(msgspec.json.encode(body), tuple(losses))


def _is_whole(vector: Vector) -> bool:
    """Whether all numbers of a list are whole."""
    numbers = vector.written.get("float")
    return isinstance(numbers, list) and all(type(number) is int for number in numbers)


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    own = request.extras.get(NAME) or {}
    if path.startswith("inputs"):
        return "input" + path[len("inputs") :].partition(".")[0]
    match path:
        case "types":
            return "output_dtype" if "output_dtype" in own else "encoding_format"
        case "dimensions" if "output_dimension" in own:
            return "output_dimension"
        case "purpose":
            return "input_type"
        case _:
            return path


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
    return tap_whole(body, lambda known: usage_of(known.usage))
