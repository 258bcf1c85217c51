"""Mistral AI."""

from keywright.providers.provider import Endpoint, Provider

MISTRAL = Provider(
    name="mistral",
    title="Mistral AI",
    docs="https://docs.mistral.ai/api",
    base_url="https://api.mistral.ai",
    endpoints=(
        Endpoint(kind="chat", path="/v1/chat/completions", dialect="mistral"),
        Endpoint(kind="fim", path="/v1/fim/completions", dialect="mistral_fim"),
        Endpoint(kind="embeddings", path="/v1/embeddings", dialect="mistral_embeddings"),
        Endpoint(kind="models", path="/v1/models", dialect="mistral"),
        Endpoint(kind="moderations", path="/v1/moderations", dialect="mistral"),
        Endpoint(kind="transcriptions", path="/v1/audio", dialect="mistral"),
        Endpoint(kind="ocr", path="/v1/ocr", dialect="mistral"),
        Endpoint(kind="files", path="/v1/files", dialect="mistral"),
    ),
    env=("MISTRAL_API_KEY",),
    answer_headers=(
        "mistral-correlation-id",
        "ratelimitbysize-limit",
        "ratelimitbysize-remaining",
        "ratelimitbysize-reset",
        "x-ratelimit-limit-req-minute",
        "x-ratelimit-remaining-req-minute",
        "x-ratelimit-limit-tokens-minute",
        "x-ratelimit-remaining-tokens-minute",
    ),
    catalogue="mistral",
    open_models=True,
)
