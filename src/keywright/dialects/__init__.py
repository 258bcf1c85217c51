"""How each wire speaks: one package per dialect, with two faces.

`DIALECTS` has those in which one chats, `WIRES` all: with them those whose answers only come whole.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from keywright.core.dialect import Dialect, Wire
from keywright.dialects import (
    anthropic,
    anthropic_vertex,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    gemini,
    gemini_array,
    mistral,
    mistral_fim,
    ollama_chat,
    ollama_generate,
    openai_chat,
    openai_completions,
    openai_responses,
    tgi,
)
from keywright.dialects.counting import anthropic as anthropic_count
from keywright.dialects.counting import bedrock as bedrock_count
from keywright.dialects.counting import gemini as gemini_count
from keywright.dialects.counting import openai as openai_count
from keywright.dialects.counting import vertex as vertex_count
from keywright.dialects.embeddings import bedrock_cohere as bedrock_cohere_embeddings
from keywright.dialects.embeddings import cohere as cohere_embeddings
from keywright.dialects.embeddings import feature_extraction as hf_embeddings
from keywright.dialects.embeddings import gemini as gemini_embeddings
from keywright.dialects.embeddings import gemini_single as gemini_embedding
from keywright.dialects.embeddings import mistral as mistral_embeddings
from keywright.dialects.embeddings import nova as nova_embeddings
from keywright.dialects.embeddings import ollama as ollama_embeddings
from keywright.dialects.embeddings import openai as openai_embeddings
from keywright.dialects.embeddings import titan as titan_embeddings
from keywright.dialects.embeddings import vertex as vertex_embeddings
from keywright.dialects.rerank import cohere as cohere_rerank
from keywright.dialects.rerank import jina as jina_rerank

_CHAT: Final[tuple[Dialect, ...]] = (
    openai_chat,
    openai_responses,
    openai_completions,
    anthropic,
    anthropic_vertex,
    gemini,
    gemini_array,
    bedrock_converse,
    bedrock_invoke,
    mistral,
    mistral_fim,
    cohere,
    ollama_chat,
    ollama_generate,
    tgi,
)
_WHOLE: Final[tuple[Wire[Any, Any], ...]] = (
    openai_embeddings,
    mistral_embeddings,
    gemini_embeddings,
    gemini_embedding,
    cohere_embeddings,
    titan_embeddings,
    nova_embeddings,
    bedrock_cohere_embeddings,
    ollama_embeddings,
    hf_embeddings,
    vertex_embeddings,
    cohere_rerank,
    jina_rerank,
    openai_count,
    anthropic_count,
    gemini_count,
    vertex_count,
    bedrock_count,
)

DIALECTS: Final[MappingProxyType[str, Dialect]] = MappingProxyType({dialect.NAME: dialect for dialect in _CHAT})
WIRES: Final[MappingProxyType[str, Wire[Any, Any]]] = MappingProxyType({wire.NAME: wire for wire in (*_CHAT, *_WHOLE)})

BESIDE_BODY: Final[MappingProxyType[str, Mapping[bytes, str]]] = MappingProxyType(
    {anthropic.NAME: {b"anthropic-beta": "anthropic_beta"}}
)
"""What the clients of a dialect say in headers, as lists of words, and the extra of the request that it becomes."""
