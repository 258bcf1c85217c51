"""Groq. The address is the one for OpenAI clients, with `/openai/v1`; Groq's own SDK adds that part itself."""

from keywright.providers.provider import OPENAI_ANSWER_HEADERS, OPENAI_FACE, Provider

GROQ = Provider(
    name="groq",
    title="Groq",
    docs="https://console.groq.com/docs/openai",
    base_url="https://api.groq.com/openai/v1",
    endpoints=OPENAI_FACE,
    env=("GROQ_API_KEY",),
    answer_headers=OPENAI_ANSWER_HEADERS,
    catalogue="groq",
)
