"""Perplexity: Sonar. It has no list of models."""

from keywright.providers.provider import CHAT, Endpoint, Provider

PERPLEXITY = Provider(
    name="perplexity",
    title="Perplexity",
    docs="https://docs.perplexity.ai/api-reference/chat-completions-post",
    base_url="https://api.perplexity.ai",
    endpoints=(CHAT, Endpoint(kind="embeddings", path="/v1/embeddings", dialect="openai_embeddings")),
    env=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
    catalogue="perplexity",
)
