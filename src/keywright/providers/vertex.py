"""Google Vertex AI: Gemini, Claude, and open models, by a workload's identity; or by a key, in express mode.

With a project every path names it and the location. Without one the key's own project counts, which is express mode.
"""

from keywright.providers.provider import Check, Endpoint, EndpointKind, GoogleOAuth, HeaderKey, Provider, Setting

PROJECT = "/v1/projects/{project}/locations/{location}"
GOOGLE = "publishers/google/models/{model}:"
CLAUDE = "publishers/anthropic/models/{model}:"
GEMINI_MODELS = ("gemini*", "learnlm*", "gemma*")
COUNT = '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
EMBEDDERS = ("*embedding*", "textembedding*", "multilingual*")


def _google(kind: EndpointKind, name: str, dialect: str, models: tuple[str, ...], stream: str = "") -> list[Endpoint]:
    """A method of Google's own models: in a project, and in express mode."""
    return [
        Endpoint(kind, f"{where}/{GOOGLE}{name}", dialect, f"{where}/{GOOGLE}{stream}" if stream else "", models)
        for where in (PROJECT, "/v1")
    ]


VERTEX = Provider(
    name="vertex",
    title="Google Vertex AI",
    docs="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
    base_url="https://{location}-aiplatform.googleapis.com",
    base_urls=(
        ("location", "global", "https://aiplatform.googleapis.com"),
        ("location", "us", "https://aiplatform.us.rep.googleapis.com"),
        ("location", "eu", "https://aiplatform.eu.rep.googleapis.com"),
    ),
    endpoints=(
        *_google("chat", "generateContent", "gemini", GEMINI_MODELS, "streamGenerateContent?alt=sse"),
        *_google("chat", "generateContent", "gemini_array", GEMINI_MODELS, "streamGenerateContent"),
        Endpoint(
            kind="chat",
            path=f"{PROJECT}/{CLAUDE}rawPredict",
            dialect="anthropic_vertex",
            stream_path=f"{PROJECT}/{CLAUDE}streamRawPredict",
            models=("claude*",),
        ),
        Endpoint(
            kind="chat", path=f"{PROJECT}/endpoints/openapi/chat/completions", dialect="openai_chat", models=("*/*",)
        ),
        *_google("embeddings", "embedContent", "gemini_embedding", ("gemini-embedding-2*",)),
        *_google("embeddings", "predict", "vertex_embeddings", EMBEDDERS),
        *_google("count", "countTokens", "vertex_count", GEMINI_MODELS),
    ),
    credential=HeaderKey("x-goog-api-key"),
    identity=GoogleOAuth(),
    settings=(
        Setting(
            "project", env=("GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID", "GCLOUD_PROJECT"), without_key=True
        ),
        Setting(
            "location",
            env=("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION", "CLOUD_ML_REGION"),
            default="global",
            without_key=True,
        ),
        Setting("service_account"),
    ),
    check=Check(f"{PROJECT}/publishers/google/models/gemini-2.5-flash:countTokens", method="POST", body=COUNT),
    passed_headers=("anthropic-beta",),
    catalogue="google",
    open_models=True,
)
