"""Hugging Face's feature extraction, as its inference API and Text Embeddings Inference (`/embed`) speak it.

The model stands in the path, not in the body. The answer is an array of vectors and nothing else: it tells neither
usage nor model. A model that gives a vector for each token is none for embeddings, and its answer is refused.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse
from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.dialects.embeddings.inputs import Losses, lose_rest, lose_types, of_texts, texts_of, written_as
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

NAME: Final = "hf_embeddings"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "inputs"})


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> EmbedRequest:
    """The request that `body` says, of the model that the path said.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, lambda fields: _request(fields, said.model))


def _request(body: Fields, model: str) -> EmbedRequest:
    inputs = body.json("inputs")
    cut, side = body.flag("truncate"), body.text("truncation_direction")
    return EmbedRequest(
        model=body.text("model") or model,
        inputs=_inputs(inputs),
        single=isinstance(inputs, str),
        dimensions=body.count("dimensions", 1),
        truncate=None if cut is None else "none" if not cut else "start" if side == "left" else "end",
        normalize=body.flag("normalize"),
        extras=body.extras(NAME),
    )


def _inputs(value: Json) -> tuple[EmbedInput, ...]:
    if isinstance(value, str):
        return of_texts([value])
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or not texts or len(texts) != len(value):
        raise WrongFieldError("inputs", "a string or an array of strings")
    return of_texts(texts)


def encode_request(request: EmbedRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for the vectors; the path names the model. What the client wants is made of floats."""
    losses = Losses("feature extraction")
    extra = losses.extras(request.extras, NAME)
    texts = texts_of(request, losses)
    body: JsonObject = {"inputs": texts[0] if request.single and len(texts) == 1 else [*texts]}
    if request.dimensions is not None:
        losses.meaning("dimensions", "feature extraction gives vectors of the model's own length")
    if request.truncate is not None:
        body["truncate"] = request.truncate != "none"
    if request.truncate in ("start", "end"):
        body["truncation_direction"] = "left" if request.truncate == "start" else "right"
    if request.normalize is not None:
        body["normalize"] = request.normalize
    lose_types(request.types, losses)
    lose_rest(request, losses, "truncate", "normalize")
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses.found.values()))


def decode_response(body: bytes) -> EmbedResponse:
    """The vectors that `body` holds.

    Raises:
        UpstreamMalformedError: it is no array of vectors; says where it differs.
    """
    return answered(body, "array of vectors", _response)


def _response(value: Json) -> EmbedResponse:
    if not isinstance(value, list) or not value:
        raise WrongFieldError("the answer", "an array of vectors")
    if not isinstance(value[0], list):
        return EmbedResponse("", (read_numbers(value, "the answer"),))
    return EmbedResponse("", tuple(read_numbers(item, f"[{index}]") for index, item in enumerate(value)))


def encode_response(response: EmbedResponse, request: EmbedRequest) -> Encoded:
    """The array of vectors; of one text, Hugging Face gives an array, too, as Text Embeddings Inference does."""
    losses = [*answer_losses(response.extras, NAME, "", "feature extraction gives numbers only")]
    numbers = written_as(response.vectors, "float", losses) or []
    return Encoded(msgspec.json.encode(numbers), tuple(losses))


def encode_error(failure: Failure, request_id: str) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"error": failure.message, "error_type": failure.code})


def locate(path: str, request: EmbedRequest) -> str:
    """The canonical `path` in the client's words."""
    if path.startswith("inputs"):
        return "inputs" if request.single else path.partition(".")[0]
    return path


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` when nobody named a model.
    """
    return peek_whole(body, said, _RELIED)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` itself, for the path names the model; its own `model`, if there is one, exchanged."""
    return patch_whole(body, peeked, model, _RELIED)


def tap_response(body: bytes) -> Tapped:
    """That an answer came; it tells nothing of itself."""
    return Tapped(complete=body.lstrip().startswith(b"["))
