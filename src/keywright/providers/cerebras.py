"""Cerebras."""

from keywright.providers.provider import CHAT, COMPLETIONS, MODELS, Provider

CEREBRAS = Provider(
    name="cerebras",
    title="Cerebras",
    docs="https://inference-docs.cerebras.ai/api-reference/chat-completions",
    base_url="https://api.cerebras.ai/v1",
    endpoints=(CHAT, COMPLETIONS, MODELS),
    env=("CEREBRAS_API_KEY",),
    answer_headers=(
        "x-request-id",
        "x-ratelimit-limit-requests-day",
        "x-ratelimit-limit-tokens-minute",
        "x-ratelimit-remaining-requests-day",
        "x-ratelimit-remaining-tokens-minute",
        "x-ratelimit-reset-requests-day",
        "x-ratelimit-reset-tokens-minute",
    ),
    catalogue="cerebras",
)
