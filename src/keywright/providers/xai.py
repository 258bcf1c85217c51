"""xAI: Grok."""

from keywright.providers.provider import (
    BATCHES,
    CHAT,
    FILES,
    IMAGES,
    MESSAGES,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    RESPONSES,
    RESPONSES_ITEMS,
    Check,
    Provider,
)

XAI = Provider(
    name="xai",
    title="xAI",
    docs="https://docs.x.ai/docs/api-reference",
    base_url="https://api.x.ai/v1",
    endpoints=(CHAT, RESPONSES, MESSAGES, MODELS, IMAGES, FILES, BATCHES, RESPONSES_ITEMS),
    env=("XAI_API_KEY",),
    check=Check("/api-key", dead=(400, 401)),
    catalogue="x-ai",
    answer_headers=OPENAI_ANSWER_HEADERS,
)
