"""Anthropic: Claude."""

from keywright.providers.provider import Check, Endpoint, HeaderKey, Provider

LIMITS = tuple(
    f"anthropic-ratelimit-{unit}-{figure}"
    for unit in ("requests", "tokens", "input-tokens", "output-tokens")
    for figure in ("limit", "remaining", "reset")
)

ANTHROPIC = Provider(
    name="anthropic",
    title="Anthropic",
    docs="https://docs.anthropic.com/en/api/messages",
    base_url="https://api.anthropic.com",
    endpoints=(
        Endpoint(kind="chat", path="/v1/messages", dialect="anthropic"),
        Endpoint(kind="count", path="/v1/messages/count_tokens", dialect="anthropic_count"),
        Endpoint(kind="models", path="/v1/models", dialect="anthropic"),
    ),
    credential=HeaderKey("x-api-key"),
    check=Check("/v1/models?limit=1", dead=(401, 404)),
    env=("ANTHROPIC_API_KEY",),
    base_url_env="ANTHROPIC_BASE_URL",
    headers=(("anthropic-version", "2023-06-01"),),
    passed_headers=("anthropic-version", "anthropic-beta"),
    answer_headers=("request-id", *LIMITS),
    catalogue="anthropic",
)
