"""DeepInfra."""

from keywright.providers.provider import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    IMAGES,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    SPEECH,
    TRANSCRIPTIONS,
    Provider,
)

DEEPINFRA = Provider(
    name="deepinfra",
    title="DeepInfra",
    docs="https://deepinfra.com/docs/openai_api",
    base_url="https://api.deepinfra.com/v1/openai",
    endpoints=(CHAT, COMPLETIONS, EMBEDDINGS, MODELS, IMAGES, SPEECH, TRANSCRIPTIONS),
    env=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
    answer_headers=OPENAI_ANSWER_HEADERS,
)
