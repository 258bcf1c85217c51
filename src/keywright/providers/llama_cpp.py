"""llama.cpp, by its server. Its address ends with `/v1`."""

from keywright.providers.provider import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODELS, RERANK, RESPONSES, Provider

LLAMA_CPP = Provider(
    name="llama-cpp",
    title="llama.cpp",
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    base_url="",
    endpoints=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK, MODELS),
    key_optional=True,
    env=("LLAMA_CPP_API_KEY",),
)
