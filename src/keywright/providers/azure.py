"""Azure OpenAI. With an `api_version` a model is asked by its deployment's path, without one by the v1 API, where the
deployment stands in the body. `base_url` is the resource's endpoint, as `azure_endpoint` of OpenAI's SDK.
"""

from keywright.providers.provider import (
    OPENAI_ANSWER_HEADERS,
    Endpoint,
    EndpointKind,
    Entra,
    HeaderKey,
    Provider,
    Setting,
)


def _deployment(kind: EndpointKind, path: str, dialect: str) -> Endpoint:
    return Endpoint(kind, f"/openai/deployments/{{model}}/{path}?api-version={{api_version}}", dialect)


def _v1(kind: EndpointKind, path: str, dialect: str) -> Endpoint:
    return Endpoint(kind, f"/openai/v1/{path}", dialect)


AZURE = Provider(
    name="azure",
    title="Azure OpenAI",
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
    base_url="",
    endpoints=(
        _deployment("chat", "chat/completions", "openai_chat"),
        _deployment("chat", "completions", "openai_completions"),
        _deployment("embeddings", "embeddings", "openai_embeddings"),
        _v1("chat", "chat/completions", "openai_chat"),
        _v1("chat", "responses", "openai_responses"),
        _v1("embeddings", "embeddings", "openai_embeddings"),
        _v1("models", "models", "openai_chat"),
        _v1("images", "images", "openai_chat"),
        _v1("speech", "audio/speech", "openai_chat"),
        _v1("transcriptions", "audio", "openai_chat"),
        _v1("files", "files", "openai_chat"),
        _v1("batches", "batches", "openai_chat"),
        _v1("responses_items", "responses", "openai_responses"),
    ),
    env=("AZURE_OPENAI_API_KEY",),
    base_url_env="AZURE_OPENAI_ENDPOINT",
    credential=HeaderKey("api-key"),
    identity=Entra("https://cognitiveservices.azure.com/.default"),
    settings=(
        Setting("api_version", env=("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION")),
        Setting("deployments"),
        Setting("entra"),
    ),
    answer_headers=(*OPENAI_ANSWER_HEADERS, "apim-request-id", "azureml-model-session", "x-ms-region"),
    catalogue="azure",
    open_models=True,
)
