"""Cohere's `/v2/rerank`, and what its `/v1/rerank` has beside: documents that are objects, and given back on request.

To servers it is version 2 that is spoken. Its documents are texts; giving them back is done here. What is billed are
searches: one for up to a hundred documents.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek, Tapped
from keywright.core.errors import NotTranslatableError
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.reranking import RerankRequest, RerankResponse
from keywright.dialects.cohere.error import decode_error, encode_error
from keywright.dialects.cohere.usage import encode_units
from keywright.dialects.embeddings.cohere import meta_usage
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses, foreign_losses
from keywright.dialects.members import members_of
from keywright.dialects.rerank.candidates import (
    candidates_of,
    document_of,
    locate_candidate,
    results_of,
    searches_of,
    texts_of,
)
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

NAME: Final = "cohere_rerank"
CARRIES: Final = frozenset({NAME})

_RELIED: Final = frozenset({"model", "query", "documents"})
_RANK_FIELDS: Final = "rank_fields"
_OLD: Final = frozenset({"return_documents", _RANK_FIELDS})
"""What only version 1 has."""
_DOCUMENTS: Final = msgspec.json.Decoder(list[Json])
_ANSWER_FIELDS: Final = frozenset(("id", "results", "meta"))


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
        document_tokens_max=body.count("max_tokens_per_doc"),
        extras=body.extras(NAME),
    )


def encode_request(request: RerankRequest, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for a ranking."""
    losses = list(foreign_losses(request.extras, NAME, "", "Cohere has no such field"))
    extra: JsonObject = dict(request.extras.get(NAME) or {})
    if extra.pop(_RANK_FIELDS, None) not in (None, ["text"]):
        losses.append(Loss(_RANK_FIELDS, "version 2 ranks a document by its text only", "meaning"))
    body: JsonObject = {
        "model": model,
        "query": request.query,
        "documents": texts_of(request, "Cohere", losses),
    }
    if request.top is not None:
        body["top_n"] = request.top
    if request.document_tokens_max is not None:
        body["max_tokens_per_doc"] = request.document_tokens_max
    return Encoded(msgspec.json.encode({**body, **extra}), tuple(losses))


def decode_response(body: bytes) -> RerankResponse:
    """The ranking that `body` holds.

    Raises:
        UpstreamMalformedError: it is no answer of this API; says where it differs.
    """
    return answered(body, "ranking of Cohere's", lambda value: _response(Fields(value)))


def _response(body: Fields) -> RerankResponse:
    if not isinstance(body.left.get("results"), list):
        raise WrongFieldError("results", "an array")
    results = results_of(body.array("results"))
    usage = meta_usage(body.left.get("meta"))
    return RerankResponse("", results, body.text("id") or "", usage, body.extras(NAME))


def encode_response(response: RerankResponse, request: RerankRequest) -> Encoded:
    """The ranking for a client that asked `request`."""
    extra = response.extras.get(NAME) or {}
    results: list[Json] = []
    for ranked in response.results:
        result: JsonObject = {"index": ranked.index, "relevance_score": ranked.score}
        if request.with_documents:
            result["document"] = document_of(ranked, request)
        results.append(result)
    body: JsonObject = {
        "id": response.id,
        "results": results,
        "meta": {"api_version": {"version": "2"}, "billed_units": encode_units(response.usage)},
    }
    if isinstance(meta := extra.get("meta"), dict):
        body["meta"] = meta
    body |= {field: value for field, value in extra.items() if field not in _ANSWER_FIELDS}
    losses = tuple(answer_losses(response.extras, NAME, "", "Cohere has no such field"))
    return Encoded(msgspec.json.encode(body), losses)


def locate(path: str, request: RerankRequest) -> str:
    """The canonical `path` in the client's words."""
    del request
    return "max_tokens_per_doc" if path == "document_tokens_max" else locate_candidate(path)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the model.
    """
    return replace(peek_whole(body, said, _RELIED), beyond=searches_of(body))


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged for `model`; all else byte for byte.

    Raises:
        NotTranslatableError: it is of version 1 in more than its path; such a body must be translated.
    """
    values = members_of(peeked, body, _RELIED).values
    if not _OLD.isdisjoint(values) or _has_objects(values.get("documents")):
        raise NotTranslatableError((Loss("candidates", "version 2 takes texts, and gives none back", "meaning"),))
    return patch_whole(body, peeked, model, _RELIED)


def _has_objects(documents: msgspec.Raw | None) -> bool:
    """Whether one of `documents` is an object. What is no array at all is Cohere's to refuse."""
    written = b"" if documents is None else bytes(documents)
    if b"{" not in written:
        return False
    try:
        return any(isinstance(each, dict) for each in _DOCUMENTS.decode(written))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises."""
    return tap_whole(body, lambda known: meta_usage(known.meta))
