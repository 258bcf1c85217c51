"""Helicone AI Gateway, as an upstream gateway."""

from keywright.providers.provider import CHAT, MODELS, RESPONSES, Provider

HELICONE = Provider(
    name="helicone",
    title="Helicone",
    docs="https://docs.helicone.ai/gateway/overview",
    base_url="https://ai-gateway.helicone.ai/v1",
    endpoints=(CHAT, RESPONSES, MODELS),
    env=("HELICONE_API_KEY",),
    passed_headers=(
        "helicone-session-id",
        "helicone-session-name",
        "helicone-session-path",
        "helicone-user-id",
        "helicone-cache-enabled",
        "helicone-request-id",
        "helicone-prompt-id",
    ),
    answer_headers=("helicone-id", "helicone-cache", "helicone-status", "helicone-fallback-index"),
)
