"""OpenAI: GPT and the o-series."""

from keywright.providers.provider import OPENAI_ANSWER_HEADERS, OPENAI_FACE, Provider

OPENAI = Provider(
    name="openai",
    title="OpenAI",
    docs="https://platform.openai.com/docs/api-reference",
    base_url="https://api.openai.com/v1",
    endpoints=OPENAI_FACE,
    env=("OPENAI_API_KEY",),
    base_url_env="OPENAI_BASE_URL",
    passed_headers=("openai-beta", "x-client-request-id"),
    answer_headers=(*OPENAI_ANSWER_HEADERS, "openai-processing-ms", "openai-version"),
    catalogue="openai",
)
