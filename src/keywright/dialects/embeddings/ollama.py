"""Ollama's `/api/embed`, and the older `/api/embeddings`, which has one `prompt` and gives one vector.

To servers it is always the newer one that is spoken. `truncate` says whether a text that is too long is cut at its
end, or an error; how long the model stays loaded and other settings of the server are the client's own words.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse
from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.embeddings.inputs import (
    Losses,
    lose_dimensions,
    lose_rest,
    lose_types,
    of_texts,
    texts_of,
    written_as,
)
from keywright.dialects.embeddings.vectors import read_numbers
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_chat.error import decode_error
from keywright.dialects.whole import answered, asked, patch_whole, peek_whole

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

NAME: Final = "ollama_embeddings"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "input", "prompt"})


class _Answer(msgspec.Struct):
    """The little of a whole answer that is counted."""

    model: str | None = None
    prompt_eval_count: int | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, _request)


def _request(body: Fields) -> EmbedRequest:
    prompt, cut = body.text("prompt"), body.flag("truncate")
    return EmbedRequest(
        model=body.needed_text("model"),
        inputs=_inputs(body.json("input")) if prompt is None else of_texts([prompt]),
        single=prompt is not None,
        dimensions=body.count("dimensions", 1),
        truncate=None if cut is None else "end" if cut else "none",
        extras=body.extras(NAME),
    )


def _inputs(value: Json) -> tuple[EmbedInput, ...]:
    if isinstance(value, str):
        return of_texts([value])
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or not texts or len(texts) != len(value):
        raise WrongFieldError("input", "a string or an array of strings")
    return of_texts(texts)


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for the vectors. Those are floats; what the client wants is made of them."""
    losses = Losses("Ollama")
    extra = losses.extras(request.extras, NAME)
    body: JsonObject = {"model": model, "input": [*texts_of(request, losses)]}
    dimensions = lose_dimensions(request, abilities, losses)
    if dimensions is not None:
        body["dimensions"] = dimensions
    match request.truncate:
        case None:
            pass
        case "start":
            losses.knob("truncate", "Ollama cuts a text at its end only: it does")
            body["truncate"] = True
        case cut:
            body["truncate"] = cut == "end"
    lose_types(request.types, losses)
    lose_rest(request, losses, "truncate")
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses.found.values()))


def decode_response(body: bytes) -> EmbedResponse:
    """The vectors that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "embeddings of Ollama's", lambda value: _response(Fields(value)))


def _response(body: Fields) -> EmbedResponse:
    only, given = body.json("embedding"), body.array("embeddings")
    if only is not None:
        given = [only]
    elif not given:
        raise WrongFieldError("embeddings", "an array of vectors")
    vectors = tuple(read_numbers(item, f"embeddings[{index}]") for index, item in enumerate(given))
    model, tokens = body.text("model") or "", body.json("prompt_eval_count")
    return EmbedResponse(model, vectors, usage=_usage(tokens), extras=body.extras(NAME))


def _usage(tokens: Json) -> Usage | None:
    if type(tokens) is not int:
        return None
    try:
        return checked(Usage(input=tokens))
    except InconsistentUsageError:
        return None


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The answer for a client that asked `request`."""
    losses = [*answer_losses(response.extras, NAME, "", "Ollama has no such field")]
    numbers = written_as(response.vectors, "float", losses) or []
    if request.single:
        return Encoded(msgspec.json.encode({"embedding": numbers[0] if numbers else []}), tuple(losses))
    body: dict[str, object] = {"model": response.model or request.model, "embeddings": numbers}
    if response.usage is not None:
        body["prompt_eval_count"] = response.usage.input_total
    extra = response.extras.get(NAME) or {}
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses))


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error. Ollama's has its words only."""
    return msgspec.json.encode({"error": failure.message, "code": failure.code})


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    if path.startswith("inputs"):
        return "prompt" if request.single else "input" + path[len("inputs") :].partition(".")[0]
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
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    return Tapped(usage=_usage(answer.prompt_eval_count), model=answer.model, complete=True)
