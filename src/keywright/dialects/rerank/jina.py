"""Jina's `/v1/rerank`, as vLLM, Text Embeddings Inference's copies, Together, OpenRouter and others speak it.

Documents are texts or objects, and come back in the results unless the client says no. What is used are tokens;
OpenRouter also tells the searches that are billed where the model is Cohere's.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.errors import ProviderError
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.reranking import RerankRequest, RerankResponse
from keywright.core.usage import NO_USAGE, InconsistentUsageError, Usage, checked
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses, foreign_losses
from keywright.dialects.openai_chat.error import decode_error, encode_error, failure_of
from keywright.dialects.rerank.candidates import candidates_of, document_of, locate_candidate, results_of, searches_of
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

NAME: Final = "jina_rerank"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "query", "documents"})
_ANSWER_FIELDS: Final = frozenset(("model", "results", "usage"))
_COUNTS: Final = frozenset(("total_tokens", "prompt_tokens", "search_units"))


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> RerankRequest:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, _RELIED, _request)


def _request(body: Fields) -> RerankRequest:
    return RerankRequest(
        model=body.needed_text("model"),
        query=body.needed_text("query"),
        candidates=candidates_of(body.array("documents")),
        top=body.count("top_n", 1),
        with_documents=body.flag("return_documents"),
        extras=body.extras(NAME),
    )


def encode_request(request: RerankRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for a ranking. Documents go as the client wrote them."""
    losses = list(foreign_losses(request.extras, NAME, "", "this wire has no such field"))
    body: JsonObject = {
        "model": model,
        "query": request.query,
        "documents": [each.text if each.body is None else each.body for each in request.candidates],
    }
    if request.top is not None:
        body["top_n"] = request.top
    if request.with_documents is not None:
        body["return_documents"] = request.with_documents
    if request.document_tokens_max is not None:
        losses.append(Loss("document_tokens_max", "this wire does not say how much of a document is read"))
    extra = request.extras.get(NAME) or {}
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses))


def decode_response(body: bytes) -> RerankResponse:
    """The ranking that `body` holds.

    Raises:
        UpstreamMalformedError: it is no ranking; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return answered(body, "ranking", lambda value: _response(Fields(value)))


def _response(body: Fields) -> RerankResponse:
    if "results" not in body.left and body.left.get("error") is not None:
        raise ProviderError(failure_of(body.left["error"]))
    if not isinstance(body.left.get("results"), list):
        raise WrongFieldError("results", "an array")
    results, usage = results_of(body.array("results")), body.json("usage")
    model, number = body.text("model") or "", body.text("id") or ""
    rest: JsonObject = {k: v for k, v in usage.items() if k not in _COUNTS} if isinstance(usage, dict) else {}
    if rest:
        body.keep("usage", rest)
    return RerankResponse(model, results, number, usage_of(usage), body.extras(NAME))


def usage_of(value: Json) -> Usage | None:
    """The units of a `usage` object; None when there is none or its numbers make no sense.

    Searches, where they are told, are what is billed: then tokens are not counted beside them.
    """
    if not isinstance(value, dict):
        return None
    tokens, searches = value.get("total_tokens"), value.get("search_units")
    if tokens is None:
        tokens = value.get("prompt_tokens")
    try:
        if type(searches) is int and searches:
            return checked(Usage(searches=searches))
        return checked(Usage(input=tokens)) if type(tokens) is int else None
    except InconsistentUsageError:
        return None


def encode_response(response: RerankResponse, request: RerankRequest) -> Encoded:
    """The ranking for a client that asked `request`."""
    extra = response.extras.get(NAME) or {}
    results: list[Json] = []
    for ranked in response.results:
        result: JsonObject = {"index": ranked.index, "relevance_score": ranked.score}
        if request.with_documents is not False:
            result["document"] = document_of(ranked, request)
        results.append(result)
    used = response.usage or NO_USAGE
    usage: JsonObject = {"total_tokens": used.input_total + used.output_total}
    if used.searches:
        usage["search_units"] = used.searches
    kept = extra.get("usage")
    body: JsonObject = {
        "model": response.model or request.model,
        "results": results,
        "usage": {**kept, **usage} if isinstance(kept, dict) else usage,
    }
    if response.id:
        body["id"] = response.id
    body |= {field: value for field, value in extra.items() if field not in _ANSWER_FIELDS}
    losses = tuple(answer_losses(response.extras, NAME, "", "this wire has no such field"))
    return Encoded(msgspec.json.encode(body), losses)


def locate(path: str, request: RerankRequest) -> str:
    """The canonical `path` in the client's words."""
    del request
    return locate_candidate(path)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the model.
    """
    return replace(peek_whole(body, said, _RELIED), beyond=searches_of(body))


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged for `model`; all else byte for byte."""
    return patch_whole(body, peeked, model, _RELIED)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises."""
    return tap_whole(body, lambda known: usage_of(known.usage))
