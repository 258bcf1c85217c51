"""Together AI. `api.together.xyz` is the same service under its older name."""

from keywright.providers.provider import (
    BATCHES,
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    FILES,
    IMAGES,
    MODELS,
    SPEECH,
    TRANSCRIPTIONS,
    Endpoint,
    Provider,
)

TOGETHER = Provider(
    name="together",
    title="Together AI",
    docs="https://docs.together.ai/docs/openai-api-compatibility",
    base_url="https://api.together.ai/v1",
    endpoints=(
        CHAT,
        COMPLETIONS,
        EMBEDDINGS,
        Endpoint(kind="rerank", path="/rerank", dialect="cohere_rerank"),
        MODELS,
        IMAGES,
        SPEECH,
        TRANSCRIPTIONS,
        FILES,
        BATCHES,
    ),
    env=("TOGETHER_API_KEY",),
    answer_headers=("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    catalogue="together",
    open_models=True,
)
