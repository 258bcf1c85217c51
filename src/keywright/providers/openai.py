"""OpenAI: GPT and the o-series."""

from keywright.providers.provider import (
    BATCHES,
    CHAT,
    EMBEDDINGS,
    FILES,
    IMAGES,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    RESPONSES,
    RESPONSES_ITEMS,
    SPEECH,
    TRANSCRIPTIONS,
    Check,
    Endpoint,
    Provider,
)

PROMPTED = ("*-instruct*", "*babbage-002*", "*davinci-002*")
"""Models that are asked to go on with a prompt. The others are not served there: they are asked as chats."""

OPENAI = Provider(
    name="openai",
    title="OpenAI",
    docs="https://platform.openai.com/docs/api-reference",
    base_url="https://api.openai.com/v1",
    endpoints=(
        CHAT,
        RESPONSES,
        Endpoint(kind="chat", path="/completions", dialect="openai_completions", models=PROMPTED),
        EMBEDDINGS,
        Endpoint(kind="count", path="/responses/input_tokens", dialect="openai_count"),
        MODELS,
        Endpoint(kind="moderations", path="/moderations", dialect="openai_chat", free=True),
        IMAGES,
        SPEECH,
        TRANSCRIPTIONS,
        FILES,
        BATCHES,
        RESPONSES_ITEMS,
    ),
    env=("OPENAI_API_KEY",),
    base_url_env="OPENAI_BASE_URL",
    check=Check("/me"),
    passed_headers=("openai-beta", "x-client-request-id"),
    answer_headers=(*OPENAI_ANSWER_HEADERS, "openai-processing-ms", "openai-version"),
    catalogue="openai",
)
