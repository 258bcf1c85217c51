"""Which of our wires reads an exchange, and by which path of ours one goes that none reads."""

from typing import Final
from urllib.parse import urlsplit

from keywright.dialects.bedrock_invoke import embedding_wire
from keywright.server.raw_paths import raw_path
from tests.conformance.bar.recordings import MISFILED, Exchange

WIRES_OF: Final[dict[str, str]] = {
    "embeddings": "openai_embeddings",
    "v1.embed": "cohere_embeddings",
    "v2.embed": "cohere_embeddings",
    "api.embed": "ollama_embeddings",
    "predict": "vertex_embeddings",
    "messages.count_tokens": "anthropic_count",
    "bedrock.count-tokens": "bedrock_count",
    "rerank": "cohere_rerank",
}
OF_FILES: Final[dict[tuple[str, str], str]] = {
    ("mistral", "embeddings"): "mistral_embeddings",
    ("gemini", "countTokens"): "gemini_count",
    ("vertex", "countTokens"): "vertex_count",
    ("openrouter", "rerank"): "jina_rerank",
}
"""Those that differ by who answers."""

AS_OPENAI: Final = frozenset({"openai", "openai_compat"})
"""Files of providers that have OpenAI's other endpoints at its paths."""


def wire_of(exchange: Exchange) -> str | None:
    """The name of the wire that reads the exchange; None when there is none."""
    if exchange.chat is not None:
        return exchange.dialect.NAME
    if exchange.id in MISFILED:
        return "vertex_embeddings" if exchange.file == "vertex" else None
    if exchange.endpoint == "invoke":
        return embedding_wire(exchange.model, exchange.request)
    if exchange.endpoint == "embedContent":
        batch = "embeddings" in (exchange.item.get("response_json") or {})
        return "gemini_embeddings" if batch else "gemini_embedding"
    if exchange.item["url"].endswith("/responses/input_tokens"):
        return "openai_count"
    return OF_FILES.get((exchange.file, exchange.endpoint)) or WIRES_OF.get(exchange.endpoint)


def path_of(exchange: Exchange) -> str:
    """By which path of ours an exchange goes that no wire reads: a path that passes through, or `/native/`.

    Raises:
        AssertionError: by none.
    """
    url = urlsplit(exchange.item["url"])
    method = exchange.item["method"].encode()
    passing = raw_path(url.path.encode(), b"", ()) if exchange.file in AS_OPENAI else None
    if passing is not None and method in passing.methods:
        assert not passing.way.fault
        return passing.way.endpoint
    native = raw_path(f"/native/{exchange.file}{url.path}".encode(), b"", ())
    assert native is not None
    assert method in native.methods
    assert not native.way.fault
    return "native"
