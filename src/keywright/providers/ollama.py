"""Ollama, on this machine or another. Its own SDK takes an address without a version."""

from keywright.providers.provider import Endpoint, Provider

OLLAMA = Provider(
    name="ollama",
    title="Ollama",
    docs="https://docs.ollama.com/api/introduction",
    base_url="http://127.0.0.1:11434",
    endpoints=(
        Endpoint(kind="chat", path="/api/chat", dialect="ollama_chat"),
        Endpoint(kind="chat", path="/api/generate", dialect="ollama_generate"),
        Endpoint(kind="chat", path="/v1/chat/completions", dialect="openai_chat"),
        Endpoint(kind="chat", path="/v1/responses", dialect="openai_responses"),
        Endpoint(kind="chat", path="/v1/messages", dialect="anthropic"),
        Endpoint(kind="chat", path="/v1/completions", dialect="openai_completions"),
        Endpoint(kind="embeddings", path="/api/embed", dialect="ollama_embeddings"),
        Endpoint(kind="embeddings", path="/v1/embeddings", dialect="openai_embeddings"),
        Endpoint(kind="models", path="/v1/models", dialect="openai_chat"),
    ),
    key_optional=True,
    env=("OLLAMA_API_KEY",),
    found_on_port=11434,
    free=True,
)
