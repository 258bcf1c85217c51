"""Where an answer was taken from: `groundingMetadata` and `citationMetadata`, and canonical citations.

What the API says stays whole in the answer's extras. Out of it citations are made, for clients of other dialects: one
for each source of each stretch of text that is supported, and for each source that no stretch names. To
clients of this dialect, citations from elsewhere become `groundingMetadata`, each supporting the text it stands with.
"""

from collections.abc import Iterable

from keywright.core.json import Json, JsonObject
from keywright.core.message import Citation
from keywright.dialects.gemini.wire import NAME


def citations_of(candidate: JsonObject) -> tuple[Citation, ...]:
    """The citations that a candidate amounts to."""
    found: list[Citation] = []
    grounding = candidate.get("groundingMetadata")
    if isinstance(grounding, dict):
        chunks = _objects(grounding.get("groundingChunks"))
        named: set[int] = set()
        for support in _objects(grounding.get("groundingSupports")):
            indices = support.get("groundingChunkIndices")
            for index in indices if isinstance(indices, list) else ():
                if isinstance(index, int) and 0 <= index < len(chunks):
                    named.add(index)
                    found.append(_citation(chunks[index], support))
        found += [_citation(chunk, None) for index, chunk in enumerate(chunks) if index not in named]
    cited = candidate.get("citationMetadata")
    if isinstance(cited, dict):
        for source in _objects(cited.get("citations") or cited.get("citationSources")):
            url, title = _text(source.get("uri")), _text(source.get("title"))
            if url or title:
                found.append(Citation(NAME, {"citation": source}, url, title))
    return tuple(found)


def _citation(chunk: JsonObject, support: JsonObject | None) -> Citation:
    source = next((value for value in chunk.values() if isinstance(value, dict)), {})
    body: JsonObject = {"groundingChunk": chunk}
    if support is not None:
        body["segment"] = support.get("segment")
    return Citation(NAME, body, _text(source.get("uri")), _text(source.get("title")), _text(source.get("text")))


def grounding_of(cited: Iterable[tuple[JsonObject, Iterable[Citation]]]) -> JsonObject | None:
    """`groundingMetadata` for segments of the answer and the citations of each; None when none from elsewhere has an
    address.
    """
    chunks: list[Json] = []
    supports: list[Json] = []
    for segment, citations in cited:
        first = len(chunks)
        chunks += [
            {"web": {"uri": citation.url, "title": citation.title or ""}}
            for citation in citations
            if citation.url is not None and citation.origin != NAME
        ]
        if len(chunks) > first:
            indices: list[Json] = list(range(first, len(chunks)))
            supports.append({"segment": segment, "groundingChunkIndices": indices})
    return {"groundingChunks": chunks, "groundingSupports": supports} if chunks else None


def _objects(value: Json) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
