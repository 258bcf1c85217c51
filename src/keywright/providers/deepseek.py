"""DeepSeek. Its documented address has no version."""

from keywright.providers.provider import CHAT, MODELS, RESPONSES, Check, Endpoint, Provider

DEEPSEEK = Provider(
    name="deepseek",
    title="DeepSeek",
    docs="https://api-docs.deepseek.com/",
    base_url="https://api.deepseek.com",
    endpoints=(
        CHAT,
        RESPONSES,
        Endpoint(kind="chat", path="/anthropic/v1/messages", dialect="anthropic"),
        Endpoint(kind="chat", path="/beta/completions", dialect="openai_completions"),
        MODELS,
    ),
    env=("DEEPSEEK_API_KEY",),
    check=Check("/user/balance"),
    answer_headers=("x-ds-trace-id",),
    catalogue="deepseek",
)
