"""Moonshot AI: Kimi. `api.moonshot.cn` is the same in China, with keys of its own."""

from keywright.providers.provider import CHAT, FILES, MODELS, Check, Endpoint, Provider

MOONSHOT = Provider(
    name="moonshot",
    title="Moonshot AI",
    docs="https://platform.moonshot.ai/docs/api/chat",
    base_url="https://api.moonshot.ai/v1",
    endpoints=(
        CHAT,
        Endpoint(kind="chat", path="/anthropic/v1/messages", dialect="anthropic", from_root=True),
        MODELS,
        FILES,
    ),
    env=("MOONSHOT_API_KEY", "KIMI_API_KEY"),
    check=Check("/users/me/balance"),
    answer_headers=("msh-request-id",),
    catalogue="moonshotai",
)
