"""SGLang, by its OpenAI-compatible server. Its address ends with `/v1`."""

from keywright.providers.provider import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODELS, RESPONSES, Provider

SGLANG = Provider(
    name="sglang",
    title="SGLang",
    docs="https://docs.sglang.ai/basic_usage/openai_api.html",
    base_url="",
    endpoints=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, MODELS),
    key_optional=True,
    env=("SGLANG_API_KEY",),
)
