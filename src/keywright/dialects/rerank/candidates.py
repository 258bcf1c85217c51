"""What is ranked, and how it is given back.

A document is a text, or an object whose `text` is ranked. To another wire goes the text; an object's other fields
are lost. A client that wants its documents back gets its own, whatever the provider repeated.
"""

from typing import Final

from keywright.core.dialect import Beyond
from keywright.core.json import Json
from keywright.core.loss import Loss
from keywright.core.reranking import Candidate, Ranked, RerankRequest
from keywright.dialects.fields import Fields, WrongFieldError

CANDIDATES_PER_SEARCH: Final = 100
CANDIDATE_TOKENS_MAX: Final = 500
"""What Cohere charges as one search: so many documents, of which a longer one counts as several."""


def searches_of(body: bytes) -> Beyond:
    """How many searches may be charged for ranking what `body` holds: each of its texts may be a document."""
    candidates = body.count(b'"') // 2 + len(body) // CANDIDATE_TOKENS_MAX
    return Beyond(searches_max=1 + candidates // CANDIDATES_PER_SEARCH)


def candidates_of(values: list[Json]) -> tuple[Candidate, ...]:
    """The candidates of a request's `documents`.

    Raises:
        WrongFieldError: there are none, or one is neither a text nor an object.
    """
    if not values:
        raise WrongFieldError("documents", "an array of at least one document")
    return tuple(_candidate(value, f"documents[{index}]") for index, value in enumerate(values))


def _candidate(value: Json, path: str) -> Candidate:
    if isinstance(value, str):
        return Candidate(value)
    if not isinstance(value, dict):
        raise WrongFieldError(path, "a string or an object")
    text = value.get("text")
    return Candidate(text if isinstance(text, str) else "", value)


def texts_of(request: RerankRequest, whose: str, losses: list[Loss]) -> list[Json]:
    """The text of each candidate. What an object holds beside it is lost; one without text cannot be ranked."""
    texts: list[Json] = []
    for index, candidate in enumerate(request.candidates):
        body = candidate.body
        if isinstance(body, dict):
            if not isinstance(body.get("text"), str):
                losses.append(Loss(f"candidates[{index}]", f"{whose} ranks texts only", "meaning"))
            elif len(body) > 1:
                losses.append(Loss(f"candidates[{index}]", f"{whose} ranks a document by its text only"))
        texts.append(candidate.text)
    return texts


def document_of(ranked: Ranked, request: RerankRequest) -> Json:
    """The document of a result, as an object: the client's own; else what the provider repeated."""
    if 0 <= ranked.index < len(request.candidates):
        candidate = request.candidates[ranked.index]
        return {"text": candidate.text} if candidate.body is None else candidate.body
    return ranked.document


def results_of(values: list[Json]) -> tuple[Ranked, ...]:
    """The results of an answer, best first.

    Raises:
        WrongFieldError: one is malformed.
    """
    found = []
    for position, value in enumerate(values):
        result = Fields(value, f"results[{position}]")
        index, score = result.integer("index"), result.number("relevance_score")
        if score is None:
            score = result.number("score")  # as some servers name it
        if index is None or score is None:
            raise WrongFieldError(result.path, "an object with an index and a relevance_score")
        found.append(Ranked(index, score, result.json("document")))
    return tuple(sorted(found, key=lambda ranked: -ranked.score))


def locate_candidate(path: str) -> str:
    """The canonical `path` in the words of both wires."""
    if path.startswith("candidates"):
        return "documents" + path[len("candidates") :]
    return {"top": "top_n", "with_documents": "return_documents"}.get(path, path)
