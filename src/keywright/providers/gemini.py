"""Google: Gemini by an API key. Never two credentials at once: the newer keys refuse that."""

from keywright.providers.provider import Check, Endpoint, EndpointKind, HeaderKey, Provider


def _methods(version: str) -> tuple[Endpoint, ...]:
    def method(kind: EndpointKind, name: str, dialect: str, stream: str = "") -> Endpoint:
        model = f"/{version}/models/{{model}}:"
        return Endpoint(kind, model + name, dialect, model + stream if stream else "")

    return (
        method("chat", "generateContent", "gemini", "streamGenerateContent?alt=sse"),
        method("chat", "generateContent", "gemini_array", "streamGenerateContent"),
        method("embeddings", "batchEmbedContents", "gemini_embeddings"),
        method("embeddings", "embedContent", "gemini_embedding"),
        method("count", "countTokens", "gemini_count"),
    )


GEMINI = Provider(
    name="gemini",
    title="Google Gemini",
    docs="https://ai.google.dev/api/generate-content",
    base_url="https://generativelanguage.googleapis.com",
    endpoints=(
        *_methods("v1beta"),
        *_methods("v1"),  # this and the next are never asked by us; but Google's SDK, on a native path, asks them
        *_methods("v1alpha"),
        Endpoint(kind="models", path="/v1beta/models", dialect="gemini"),
    ),
    credential=HeaderKey("x-goog-api-key"),
    check=Check("/v1beta/models?pageSize=1", dead_words=("API_KEY_INVALID", "API key expired")),
    env=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    base_url_env="GOOGLE_GEMINI_BASE_URL",
    catalogue="google",
)
