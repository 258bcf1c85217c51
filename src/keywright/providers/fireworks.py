"""Fireworks AI. Models are named `accounts/fireworks/models/NAME`."""

from keywright.providers.provider import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    RERANK,
    RESPONSES,
    Provider,
)

FIREWORKS = Provider(
    name="fireworks",
    title="Fireworks AI",
    docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    base_url="https://api.fireworks.ai/inference/v1",
    endpoints=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK, MODELS),
    env=("FIREWORKS_API_KEY",),
    catalogue="fireworks",
    open_models=True,
    answer_headers=OPENAI_ANSWER_HEADERS,
)
