"""A LiteLLM proxy, as an upstream gateway."""

from keywright.providers.provider import (
    BATCHES,
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    FILES,
    IMAGES,
    MESSAGES,
    MODELS,
    MODERATIONS,
    OPENAI_ANSWER_HEADERS,
    RERANK,
    RESPONSES,
    SPEECH,
    TRANSCRIPTIONS,
    Provider,
)

LITELLM = Provider(
    name="litellm",
    title="LiteLLM proxy",
    docs="https://docs.litellm.ai/docs/simple_proxy",
    base_url="",
    endpoints=(
        CHAT,
        RESPONSES,
        MESSAGES,
        COMPLETIONS,
        EMBEDDINGS,
        RERANK,
        MODELS,
        MODERATIONS,
        IMAGES,
        SPEECH,
        TRANSCRIPTIONS,
        FILES,
        BATCHES,
    ),
    env=("LITELLM_API_KEY", "LITELLM_PROXY_API_KEY"),
    base_url_env="LITELLM_PROXY_API_BASE",
    other_models=frozenset(
        {
            *("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "models", "model_list"),
            *("user_config", "router_settings_override", "extra_body", "api_base", "base_url"),
        }
    ),
    passed_headers=("x-litellm-tags", "x-litellm-timeout", "x-litellm-end-user-id"),
    answer_headers=(
        *OPENAI_ANSWER_HEADERS,
        "x-litellm-call-id",
        "x-litellm-model-id",
        "x-litellm-response-cost",
        "x-litellm-attempted-fallbacks",
    ),
)
