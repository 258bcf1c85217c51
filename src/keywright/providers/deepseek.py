"""DeepSeek. Its documented address has no version."""

from keywright.providers.provider import OPENAI_FACE, Provider

DEEPSEEK = Provider(
    name="deepseek",
    title="DeepSeek",
    docs="https://api-docs.deepseek.com/",
    base_url="https://api.deepseek.com",
    endpoints=OPENAI_FACE,
    env=("DEEPSEEK_API_KEY",),
    answer_headers=("x-ds-trace-id",),
    catalogue="deepseek",
)
