"""Fireworks AI. Models are named `accounts/fireworks/models/NAME`."""

from keywright.providers.provider import OPENAI_ANSWER_HEADERS, OPENAI_FACE, Provider

FIREWORKS = Provider(
    name="fireworks",
    title="Fireworks AI",
    docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    base_url="https://api.fireworks.ai/inference/v1",
    endpoints=OPENAI_FACE,
    env=("FIREWORKS_API_KEY",),
    answer_headers=OPENAI_ANSWER_HEADERS,
    catalogue="fireworks",
)
