"""Cohere: Command, Embed and Rerank."""

from keywright.providers.provider import Check, Endpoint, Provider

COHERE = Provider(
    name="cohere",
    title="Cohere",
    docs="https://docs.cohere.com/reference/chat",
    base_url="https://api.cohere.com",
    endpoints=(
        Endpoint(kind="chat", path="/v2/chat", dialect="cohere"),
        Endpoint(kind="embeddings", path="/v2/embed", dialect="cohere_embeddings"),
        Endpoint(kind="rerank", path="/v2/rerank", dialect="cohere_rerank"),
        Endpoint(kind="models", path="/v1/models", dialect="cohere"),
    ),
    check=Check("/v1/check-api-key", method="POST", said="valid"),
    env=("CO_API_KEY", "COHERE_API_KEY"),
    base_url_env="CO_API_URL",
    passed_headers=("x-client-name",),
    answer_headers=("x-endpoint-monthly-call-limit", "x-trial-endpoint-call-limit", "x-trial-endpoint-call-remaining"),
    catalogue="cohere",
    open_models=True,
)
