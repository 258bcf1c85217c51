"""OpenRouter: many providers' models behind one key."""

from keywright.providers.provider import OPENAI_FACE, Provider

OPENROUTER = Provider(
    name="openrouter",
    title="OpenRouter",
    docs="https://openrouter.ai/docs/api-reference/overview",
    base_url="https://openrouter.ai/api/v1",
    endpoints=OPENAI_FACE,
    env=("OPENROUTER_API_KEY",),
    passed_headers=("http-referer", "x-title", "x-openrouter-title"),
    answer_headers=("x-generation-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    catalogue="openrouter",
    byok_fee_bp=500,
)
