"""vLLM, by its OpenAI-compatible server. Its address ends with `/v1`."""

from keywright.providers.provider import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    MODELS,
    RERANK,
    RESPONSES,
    TRANSCRIPTIONS,
    Provider,
)

VLLM = Provider(
    name="vllm",
    title="vLLM",
    docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    base_url="",
    endpoints=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK, MODELS, TRANSCRIPTIONS),
    key_optional=True,
    env=("VLLM_API_KEY",),
)
