"""Kong AI Gateway, as an upstream gateway: a route with the plugin ai-proxy, and its key-auth.

Where Kong itself asks for no key, none is given.
"""

from keywright.providers.provider import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MODELS,
    OPENAI_ANSWER_HEADERS,
    RESPONSES,
    HeaderKey,
    Provider,
)

KONG = Provider(
    name="kong",
    title="Kong AI Gateway",
    docs="https://developer.konghq.com/plugins/ai-proxy/",
    base_url="",
    endpoints=(CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, MODELS),
    credential=HeaderKey("apikey"),
    key_optional=True,
    env=("KONG_API_KEY",),
    answer_headers=(
        *OPENAI_ANSWER_HEADERS,
        "x-kong-request-id",
        "x-kong-llm-model",
        "x-kong-upstream-latency",
        "x-kong-proxy-latency",
        "x-ai-ratelimit-limit-minute",
        "x-ai-ratelimit-remaining-minute",
    ),
)
