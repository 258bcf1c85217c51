"""Any other server that speaks OpenAI's chat API: its address comes from the configuration."""

from keywright.providers.provider import OPENAI_ANSWER_HEADERS, OPENAI_FACE, Provider

OPENAI_COMPATIBLE = Provider(
    name="openai-compatible",
    title="OpenAI-compatible server",
    docs="https://platform.openai.com/docs/api-reference/chat",
    base_url="",
    endpoints=OPENAI_FACE,
    key_optional=True,
    answer_headers=OPENAI_ANSWER_HEADERS,
)
