"""OpenRouter: many providers' models behind one key."""

from keywright.providers.provider import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    MODELS,
    RERANK,
    RESPONSES,
    Check,
    Provider,
    Setting,
)

OPENROUTER = Provider(
    name="openrouter",
    title="OpenRouter",
    docs="https://openrouter.ai/docs/api-reference/overview",
    base_url="https://openrouter.ai/api/v1",
    endpoints=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK, MODELS),
    env=("OPENROUTER_API_KEY",),
    settings=(Setting("byok"),),
    check=Check("/key"),
    passed_headers=("http-referer", "x-title", "x-openrouter-title"),
    answer_headers=("x-generation-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    catalogue="openrouter",
    open_models=True,
    renamed=(("auto", "openrouter/auto"),),
    other_models=frozenset({"models", "fallbacks", "preset", "plugins"}),
    byok_fee_bp=500,
)
