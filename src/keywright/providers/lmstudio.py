"""LM Studio, on this machine or another."""

from keywright.providers.provider import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    MODELS,
    RESPONSES,
    RESPONSES_ITEMS,
    Provider,
)

LMSTUDIO = Provider(
    name="lmstudio",
    title="LM Studio",
    docs="https://lmstudio.ai/docs/developer/openai-compat",
    base_url="http://127.0.0.1:1234/v1",
    endpoints=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, MODELS, RESPONSES_ITEMS),
    key_optional=True,
    env=("LM_API_TOKEN",),
    found_on_port=1234,
    free=True,
)
