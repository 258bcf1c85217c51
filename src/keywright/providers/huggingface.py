"""Hugging Face: the router of inference providers, or a dedicated endpoint by its `base_url` (with `/v1`).

A model may name who is to serve it: `meta-llama/Llama-3.3-70B-Instruct:groq`.
"""

from keywright.providers.provider import CHAT, MODELS, RESPONSES, Check, Endpoint, Provider

HUGGINGFACE = Provider(
    name="huggingface",
    title="Hugging Face",
    docs="https://huggingface.co/docs/inference-providers",
    base_url="https://router.huggingface.co/v1",
    endpoints=(
        CHAT,
        RESPONSES,
        Endpoint(
            kind="embeddings",
            path="/hf-inference/models/{model}/pipeline/feature-extraction",
            dialect="hf_embeddings",
            from_root=True,
        ),
        MODELS,
    ),
    env=("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    login_files=(
        "{HF_TOKEN_PATH}",
        "{HF_HOME}/token",
        "{XDG_CACHE_HOME}/huggingface/token",
        "~/.cache/huggingface/token",
    ),
    passed_headers=("x-hf-bill-to",),
    answer_headers=("x-request-id", "x-inference-provider", "ratelimit", "ratelimit-policy"),
    check=Check("https://huggingface.co/api/whoami-v2"),
)
