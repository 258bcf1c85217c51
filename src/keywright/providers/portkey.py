"""Portkey, as an upstream gateway. Models are named `@integration/model`.

A config, or an integration for all models, is the operator's to name (`headers`): in a config a client could send the
keys that Portkey holds to a host of its own, or reach a model that its key is not for.
"""

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
    RESPONSES,
    SPEECH,
    TRANSCRIPTIONS,
    HeaderKey,
    Provider,
)

PORTKEY = Provider(
    name="portkey",
    title="Portkey",
    docs="https://portkey.ai/docs/api-reference/inference-api/headers",
    base_url="https://api.portkey.ai/v1",
    endpoints=(
        CHAT,
        RESPONSES,
        MESSAGES,
        COMPLETIONS,
        EMBEDDINGS,
        MODELS,
        MODERATIONS,
        IMAGES,
        SPEECH,
        TRANSCRIPTIONS,
        FILES,
        BATCHES,
    ),
    credential=HeaderKey("x-portkey-api-key"),
    env=("PORTKEY_API_KEY",),
    base_url_env="PORTKEY_BASE_URL",
    passed_headers=(
        "x-portkey-metadata",
        "x-portkey-trace-id",
        "x-portkey-cache-force-refresh",
        "x-portkey-request-timeout",
    ),
    answer_headers=(
        "x-portkey-trace-id",
        "x-portkey-cache-status",
        "x-portkey-retry-attempt-count",
        "x-portkey-last-used-option-index",
        "x-portkey-provider",
    ),
)
