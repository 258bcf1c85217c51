"""Ollama, on this machine or another, by its OpenAI face. Its own SDK takes an address without a version."""

from keywright.providers.provider import Endpoint, Provider

OLLAMA = Provider(
    name="ollama",
    title="Ollama",
    docs="https://docs.ollama.com/api/openai-compatibility",
    base_url="http://127.0.0.1:11434",
    endpoints=(
        Endpoint(kind="chat", path="/v1/chat/completions", dialect="openai_chat"),
        Endpoint(kind="models", path="/v1/models", dialect="openai_chat"),
    ),
    key_optional=True,
    env=("OLLAMA_API_KEY",),
    found_on_port=11434,
    free=True,
)
