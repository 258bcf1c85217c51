"""Z.ai: GLM."""

from keywright.providers.provider import CHAT, MODELS, Endpoint, Provider

ZAI = Provider(
    name="zai",
    title="Z.ai",
    docs="https://docs.z.ai/api-reference/llm/chat-completion",
    base_url="https://api.z.ai/api/paas/v4",
    endpoints=(
        CHAT,
        Endpoint(kind="chat", path="/api/anthropic/v1/messages", dialect="anthropic", from_root=True),
        MODELS,
    ),
    env=("ZAI_API_KEY", "Z_AI_API_KEY"),
    answer_headers=("x-log-id",),
    catalogue="zai",
)
