"""Apache APISIX, as an upstream gateway: a route with the plugin ai-proxy, and its key-auth."""

from keywright.providers.provider import CHAT, EMBEDDINGS, MODELS, OPENAI_ANSWER_HEADERS, RESPONSES, HeaderKey, Provider

APISIX = Provider(
    name="apisix",
    title="Apache APISIX",
    docs="https://apisix.apache.org/docs/apisix/plugins/ai-proxy/",
    base_url="",
    endpoints=(CHAT, RESPONSES, EMBEDDINGS, MODELS),
    credential=HeaderKey("apikey"),
    key_optional=True,
    env=("APISIX_API_KEY",),
    answer_headers=(*OPENAI_ANSWER_HEADERS, "x-ai-ratelimit-limit", "x-ai-ratelimit-remaining", "x-ai-ratelimit-reset"),
)
