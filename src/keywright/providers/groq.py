"""Groq. The address is the one for OpenAI clients, with `/openai/v1`; Groq's own SDK adds that part itself."""

from keywright.providers.provider import (
    BATCHES,
    CHAT,
    FILES,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    RESPONSES,
    SPEECH,
    TRANSCRIPTIONS,
    Provider,
)

GROQ = Provider(
    name="groq",
    title="Groq",
    docs="https://console.groq.com/docs/openai",
    base_url="https://api.groq.com/openai/v1",
    endpoints=(CHAT, RESPONSES, MODELS, SPEECH, TRANSCRIPTIONS, FILES, BATCHES),
    env=("GROQ_API_KEY",),
    catalogue="groq",
    answer_headers=OPENAI_ANSWER_HEADERS,
)
