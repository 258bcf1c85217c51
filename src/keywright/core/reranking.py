"""Reranking: which documents answer a query best, in no dialect."""

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras, Json
from keywright.core.usage import Usage


class Candidate(Struct, frozen=True, omit_defaults=True):
    """One document. `body` is the client's whole object, where it was one (a text beside other fields)."""

    text: str
    body: Json = None


class RerankRequest(Struct, frozen=True, omit_defaults=True):
    """One request. `top`: how many to give back (None: all). `with_documents`: each result repeats its document."""

    model: str
    query: str
    candidates: tuple[Candidate, ...]
    top: int | None = None
    with_documents: bool | None = None
    document_tokens_max: int | None = None
    extras: Extras = NO_EXTRAS


class Ranked(Struct, frozen=True, omit_defaults=True):
    """One document's place: its index in the request, and how relevant it is (higher is better)."""

    index: int
    score: float
    document: Json = None


class RerankResponse(Struct, frozen=True, omit_defaults=True):
    """The results, best first. `usage` counts `searches` or tokens, as the provider bills."""

    model: str
    results: tuple[Ranked, ...]
    id: str = ""
    usage: Usage | None = None
    extras: Extras = NO_EXTRAS
