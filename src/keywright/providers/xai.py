"""xAI: Grok."""

from keywright.providers.provider import OPENAI_ANSWER_HEADERS, OPENAI_FACE, Provider

XAI = Provider(
    name="xai",
    title="xAI",
    docs="https://docs.x.ai/docs/api-reference",
    base_url="https://api.x.ai/v1",
    endpoints=OPENAI_FACE,
    env=("XAI_API_KEY",),
    answer_headers=OPENAI_ANSWER_HEADERS,
    catalogue="x-ai",
)
