"""NVIDIA: the API catalogue; a NIM of one's own by its `base_url`."""

from keywright.providers.provider import CHAT, COMPLETIONS, EMBEDDINGS, MODELS, OPENAI_ANSWER_HEADERS, Check, Provider

NVIDIA = Provider(
    name="nvidia",
    title="NVIDIA NIM",
    docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
    base_url="https://integrate.api.nvidia.com/v1",
    endpoints=(CHAT, COMPLETIONS, EMBEDDINGS, MODELS),
    check=Check("https://api.ngc.nvidia.com/v3/keys/get-caller-info", method="POST"),
    env=("NVIDIA_API_KEY",),
    answer_headers=OPENAI_ANSWER_HEADERS,
)
