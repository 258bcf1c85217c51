"""Is a call of InvokeModel a chat, or does it ask for vectors? One path serves both.

The model's id tells, where it is the provider's own; else the body's members do.
"""

from typing import Final, Literal, TypeAlias

from keywright.dialects.bedrock_invoke.wire import members_of

Kind: TypeAlias = Literal["chat", "embeddings"]

_EMBEDDING_MODEL: Final = "embed"
_EMBEDDING_MARKS: Final = frozenset(
    {
        "texts",
        "input_type",
        "embedding_types",
        "inputImage",
        "embeddingConfig",
        "embeddingTypes",
        "dimensions",
        "normalize",
        "taskType",
    }
)
_COHERE_MODEL: Final = "cohere.embed"
_COHERE_MARKS: Final = frozenset({"texts", "images", "inputs", "input_type"})
_NOVA_MARKS: Final = frozenset({"taskType", "singleEmbeddingParams", "segmentedEmbeddingParams"})
_INPUT: Final = "inputText"
_CHAT_INPUT: Final = "textGenerationConfig"


TITAN: Final = "titan_embeddings"
NOVA: Final = "nova_embeddings"
COHERE: Final = "bedrock_cohere_embeddings"


def embedding_wire(model: str, body: bytes) -> str:
    """In which of the bodies for vectors a call asks. What cannot be read is Titan's: that refuses it."""
    try:
        members = members_of(body).keys()
    except ValueError:
        return TITAN
    if _COHERE_MODEL in model or members & _COHERE_MARKS:
        return COHERE
    return NOVA if members & _NOVA_MARKS else TITAN


def kind_of(model: str, body: bytes) -> Kind:
    """What a call with this body to this model asks for. A body that cannot be read is a chat's: that refuses it."""
    if _EMBEDDING_MODEL in model:
        return "embeddings"
    try:
        members = members_of(body)
    except ValueError:
        return "chat"
    if not _EMBEDDING_MARKS.isdisjoint(members):
        return "embeddings"
    return "embeddings" if _INPUT in members and _CHAT_INPUT not in members and "titan-text" not in model else "chat"
