"""Which paths there are: the exact list, and nothing that is not on it is answered but with 404.

Looked up by the raw path, so that nothing that decodes to one of them is one of them. Two families hold a model's name
in the path; it is decoded once, here, and stands for a name only: it is looked up, and the address that is called is
made of what was found.
"""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.dialects.bedrock_invoke import embedding_wire, kind_of
from keywright.providers.provider import EndpointKind

MODEL_BYTES_MAX: Final = 1024
"""How long the name of a model in a path may be, escapes and all."""


class DataPath(Struct, frozen=True):
    """A path of the data plane: the dialect that it speaks, the endpoint that it is, and what it says of the request.

    `agents`: beginnings of `user-agent` whose clients speak another dialect on this path. `by_body` gives the path as
    it is meant, where only the body tells.
    """

    dialect: str
    endpoint: EndpointKind
    said: PathSaid = BODY_SAYS
    agents: Mapping[bytes, str] = {}
    by_body: "Callable[[DataPath, bytes], DataPath] | None" = None


class Method(Struct, frozen=True):
    """What stands behind the model's name in a path: how it is served, and whether the answer is a stream."""

    dialect: str
    endpoint: EndpointKind
    stream: bool = False
    by_body: Callable[[DataPath, bytes], DataPath] | None = None


def _invoked(path: DataPath, body: bytes) -> DataPath:
    """InvokeModel is one path for chats and for vectors."""
    if kind_of(path.said.model, body) == "chat":
        return path
    return DataPath(embedding_wire(path.said.model, body), "embeddings", path.said)


_OWN_PREFIXES: Final[dict[bytes, tuple[tuple[bytes, DataPath], ...]]] = {
    b"/openai": (
        (b"/v1/chat/completions", DataPath("openai_chat", "chat", agents={b"mistral-client": "mistral"})),
        (b"/v1/responses", DataPath("openai_responses", "chat")),
        (b"/v1/responses/input_tokens", DataPath("openai_count", "count")),
        (b"/v1/completions", DataPath("openai_completions", "chat")),
        (
            b"/v1/embeddings",
            DataPath("openai_embeddings", "embeddings", agents={b"mistral-client": "mistral_embeddings"}),
        ),
    ),
    b"/anthropic": (
        (b"/v1/messages", DataPath("anthropic", "chat")),
        (b"/v1/messages/count_tokens", DataPath("anthropic_count", "count")),
    ),
    b"/cohere": (
        (b"/v2/chat", DataPath("cohere", "chat")),
        (b"/v2/embed", DataPath("cohere_embeddings", "embeddings")),
        (b"/v2/rerank", DataPath("cohere_rerank", "rerank")),
        (b"/v1/rerank", DataPath("cohere_rerank", "rerank")),
    ),
    b"/mistral": ((b"/v1/fim/completions", DataPath("mistral_fim", "fim")),),
    b"/ollama": (
        (b"/api/chat", DataPath("ollama_chat", "chat")),
        (b"/api/generate", DataPath("ollama_generate", "chat")),
        (b"/api/embed", DataPath("ollama_embeddings", "embeddings")),
    ),
}
"""By the dialect's prefix: each path is there below it, and without it."""

_ELSEWHERE: Final[dict[bytes, DataPath]] = {
    b"/mistral/v1/chat/completions": DataPath("mistral", "chat"),
    b"/mistral/v1/embeddings": DataPath("mistral_embeddings", "embeddings"),
    b"/jina/v1/rerank": DataPath("jina_rerank", "rerank"),
}
"""What is there below a prefix only: without it the path is another dialect's."""

DATA_PATHS: Final[dict[bytes, DataPath]] = {
    **{path: known for paths in _OWN_PREFIXES.values() for path, known in paths},
    **{prefix + path: known for prefix, paths in _OWN_PREFIXES.items() for path, known in paths},
    **_ELSEWHERE,
}
"""POST only."""

_GEMINI: Final[dict[bytes, Method]] = {
    b"generateContent": Method("gemini", "chat"),
    b"streamGenerateContent": Method("gemini_array", "chat", stream=True),
    b"countTokens": Method("gemini_count", "count"),
    b"embedContent": Method("gemini_embedding", "embeddings"),
    b"batchEmbedContents": Method("gemini_embeddings", "embeddings"),
}
_GEMINI_SSE: Final = Method("gemini", "chat", stream=True)
_BEDROCK: Final[dict[bytes, Method]] = {
    b"converse": Method("bedrock_converse", "chat"),
    b"converse-stream": Method("bedrock_converse", "chat", stream=True),
    b"invoke": Method("bedrock_invoke", "chat", by_body=_invoked),
    b"invoke-with-response-stream": Method("bedrock_invoke", "chat", stream=True),
    b"count-tokens": Method("bedrock_count", "count"),
}

_MODEL_PATHS: Final[dict[bytes, tuple[bytes, dict[bytes, Method]]]] = {
    b"/v1beta/models/": (b":", _GEMINI),
    b"/v1/models/": (b":", _GEMINI),
    b"/gemini/v1beta/models/": (b":", _GEMINI),
    b"/gemini/v1/models/": (b":", _GEMINI),
    b"/model/": (b"/", _BEDROCK),
    b"/bedrock/model/": (b"/", _BEDROCK),
}
"""Where the model's name begins, what ends it, and what may come then. POST only."""

MODELS_PATHS: Final = frozenset(
    {
        b"/v1/models",
        b"/openai/v1/models",
        b"/anthropic/v1/models",
        b"/v1beta/models",
        b"/gemini/v1beta/models",
        b"/gemini/v1/models",
        b"/mistral/v1/models",
        b"/cohere/v1/models",
        b"/api/tags",
        b"/ollama/api/tags",
        b"/api/version",
        b"/ollama/api/version",
    }
)
"""GET, also with `/{id}` behind."""

SHOW_PATHS: Final = frozenset({b"/api/show", b"/ollama/api/show"})
"""POST, with the model's name in the body."""

DIALECT_PREFIXES: Final[dict[bytes, str]] = {
    b"/openai/": "openai_chat",
    b"/anthropic/": "anthropic",
    b"/gemini/": "gemini",
    b"/v1beta/": "gemini",
    b"/bedrock/": "bedrock_converse",
    b"/model/": "bedrock_converse",
    b"/cohere/": "cohere",
    b"/v2/": "cohere",
    b"/mistral/": "mistral",
    b"/ollama/": "ollama_chat",
    b"/api/chat": "ollama_chat",
    b"/api/generate": "ollama_chat",
    b"/api/embed": "ollama_chat",
    b"/api/tags": "ollama_chat",
    b"/api/show": "ollama_chat",
    b"/api/version": "ollama_chat",
}
"""Below them everything is answered in that dialect, also that it is not served."""

OPEN_PATHS: Final = frozenset({b"/health/live", b"/health/ready", b"/metrics"})
"""What may be read without a key."""


def data_path(target: bytes, query: bytes) -> DataPath | None:
    """The path of the data plane that `target` is; None when it is none."""
    return DATA_PATHS.get(target) or _model_path(target, query)


def _model_path(target: bytes, query: bytes) -> DataPath | None:
    for prefix, (end, methods) in _MODEL_PATHS.items():
        if target.startswith(prefix) and len(target) <= len(prefix) + MODEL_BYTES_MAX:
            name, _, last = target[len(prefix) :].rpartition(end)
            method = methods.get(last)
            if method is None or not name:
                return None
            if methods is _GEMINI and method.stream and b"alt=sse" in query.split(b"&"):
                method = _GEMINI_SSE
            model = unquote_to_bytes(name).decode(errors="replace")
            return DataPath(method.dialect, method.endpoint, PathSaid(model, method.stream), by_body=method.by_body)
    return None
