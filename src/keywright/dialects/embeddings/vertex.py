"""Vertex AI's text embeddings by `:predict`: `instances` in, `predictions` out, in snake case where Gemini's wire has
camel case. The tokens are counted beside each vector.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse, Vector
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Text
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.embeddings.gemini_item import peek_embedding, purpose_of, task_of
from keywright.dialects.embeddings.inputs import (
    Losses,
    lose_dimensions,
    lose_rest,
    lose_types,
    texts_of,
    written_as,
)
from keywright.dialects.embeddings.vectors import read_numbers
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.error import decode_error, encode_error
from keywright.dialects.gemini.verbatim import patch
from keywright.dialects.gemini.wire import inner, listed, message, whole
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

NAME: Final = "vertex_embeddings"
CARRIES: Final = frozenset({NAME})
INPUTS_MAX: Final = 250

_RELIED: Final = frozenset({"instances", "parameters"})
_TASK: Final = "taskType"


class _Statistics(Struct):
    token_count: int | float = 0


class _Embeddings(Struct):
    statistics: _Statistics | None = None


class _Prediction(Struct):
    embeddings: _Embeddings | None = None


class _Counted(Struct):
    """The little of an answer that is counted."""

    predictions: list[_Prediction] = []


_COUNTED: Final = msgspec.json.Decoder(_Counted)


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(message(fields.left), said))


def _request(body: Fields, said: PathSaid) -> EmbedRequest:
    items = [_item(message(value, f"instances[{at}]")) for at, value in enumerate(listed(body, "instances"))]
    if not items:
        raise WrongFieldError("instances", "a list of at least one instance")
    first = items[0]
    for at, item in enumerate(items):
        if (item.purpose, item.title, item.extras) != (first.purpose, first.title, first.extras):
            raise WrongFieldError(f"instances[{at}]", "like the others but for its content")
    parameters = inner(body, "parameters")
    dimensions, cut = None, None
    if parameters is not None:
        dimensions, cut = whole(parameters, "outputDimensionality", 1), parameters.flag("autoTruncate")
    return msgspec.structs.replace(
        first,
        model=said.model,
        inputs=tuple(part for item in items for part in item.inputs),
        dimensions=dimensions,
        truncate=None if cut is None else "end" if cut else "none",
    )


def _item(instance: Fields) -> EmbedRequest:
    return EmbedRequest(
        model="",
        inputs=(EmbedInput((Text(instance.needed_text("content")),)),),
        purpose=purpose_of(instance, _TASK),
        title=instance.text("title"),
        extras=instance.extras(NAME),
    )


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the vectors."""
    del model
    losses = Losses("Vertex AI")
    extra = dict(losses.extras(request.extras, NAME))
    if len(request.inputs) > INPUTS_MAX:
        losses.meaning("inputs", f"Vertex AI takes at most {INPUTS_MAX} at once")
    task = extra.pop(_TASK, None) or task_of(request, losses)
    instances: list[Json] = []
    for text in texts_of(request, losses):
        instance: JsonObject = {"content": text, **extra}
        if task is not None:
            instance["task_type"] = task
        if request.title is not None:
            instance["title"] = request.title
        instances.append(instance)
    body: JsonObject = {"instances": instances}
    parameters = _parameters(request, abilities, losses)
    if parameters:
        body["parameters"] = parameters
    return Encoded(msgspec.json.encode(body), tuple(losses.found.values()))


def _parameters(request: EmbedRequest, abilities: Abilities, losses: Losses) -> JsonObject:
    parameters: JsonObject = {}
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None:
        parameters["outputDimensionality"] = dimensions
    if request.truncate in ("end", "none"):
        parameters["autoTruncate"] = request.truncate == "end"
    lose_types(request.types, losses)
    kept = ("purpose", "title") if request.truncate == "start" else ("purpose", "title", "truncate")
    lose_rest(request, losses, *kept)
    return parameters


def decode_response(body: bytes) -> EmbedResponse:
    """The vectors that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "embeddings of Vertex AI's", _response)


def _response(value: Json) -> EmbedResponse:
    body = message(value)
    predictions = listed(body, "predictions")
    if not predictions:
        raise WrongFieldError("predictions", "a list of at least one")
    vectors: list[Vector] = []
    tokens = 0
    told = False
    for at, each in enumerate(predictions):
        prediction = message(each, f"predictions[{at}]")
        embeddings = inner(prediction, "embeddings")
        if embeddings is None:
            raise WrongFieldError(prediction.at("embeddings"), "an object")
        vectors.append(read_numbers(embeddings.json("values"), embeddings.at("values")))
        statistics = inner(embeddings, "statistics")
        count = None if statistics is None else whole(statistics, "tokenCount")
        told = told or count is not None
        tokens += count or 0
    return EmbedResponse("", tuple(vectors), usage=Usage(input=tokens) if told else None, extras=body.extras(NAME))


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`. The tokens of all are counted beside the first vector."""
    del request
    losses: list[Loss] = []
    predictions: list[object] = []
    for numbers in written_as(response.vectors, "float", losses) or ():
        embeddings: dict[str, object] = {"values": numbers}
        if response.usage is not None:
            count = 0 if predictions else response.usage.input_total
            embeddings["statistics"] = {"token_count": count, "truncated": False}
        predictions.append({"embeddings": embeddings})
    body: dict[str, object] = {"predictions": predictions, **(response.extras.get(NAME) or {})}
    return Encoded(msgspec.json.encode(body), tuple(losses))


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    del request
    named = {
        "purpose": "instances[0].task_type",
        "title": "instances[0].title",
        "dimensions": "parameters.outputDimensionality",
        "truncate": "parameters.autoTruncate",
    }
    if path.startswith("inputs"):
        return "instances" + path.removeprefix("inputs").partition(".")[0]
    return named.get(path, path)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`, with the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return peek_embedding(body, said)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises."""
    try:
        counted = _COUNTED.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    found = [each.embeddings.statistics for each in counted.predictions if each.embeddings is not None]
    counts = [statistics.token_count for statistics in found if statistics is not None]
    try:
        usage = checked(Usage(input=int(sum(counts)))) if counts else None
    except (InconsistentUsageError, ValueError, OverflowError):
        usage = None
    return Tapped(usage=usage, complete=bool(counted.predictions))
