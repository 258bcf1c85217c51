"""SambaNova Cloud."""

from keywright.providers.provider import (
    CHAT,
    EMBEDDINGS,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    RESPONSES,
    TRANSCRIPTIONS,
    Provider,
)

SAMBANOVA = Provider(
    name="sambanova",
    title="SambaNova",
    docs="https://docs.sambanova.ai/docs/en/features/openai-compatibility",
    base_url="https://api.sambanova.ai/v1",
    endpoints=(CHAT, RESPONSES, EMBEDDINGS, MODELS, TRANSCRIPTIONS),
    env=("SAMBANOVA_API_KEY",),
    answer_headers=OPENAI_ANSWER_HEADERS,
)
