"""How each wire speaks: one package per dialect, with two faces.

`DIALECTS` has those in which one chats, `WIRES` all: with them those whose answers only come whole.
"""

from types import MappingProxyType
from typing import Any, Final

from keywright.core.dialect import Dialect, Wire
from keywright.dialects import (
    anthropic,
    bedrock_converse,
    cohere,
    gemini,
    gemini_array,
    mistral,
    ollama_chat,
    ollama_generate,
    openai_chat,
)

_CHAT: Final[tuple[Dialect, ...]] = (
    openai_chat,
    anthropic,
    bedrock_converse,
    cohere,
    gemini,
    gemini_array,
    mistral,
    ollama_chat,
    ollama_generate,
)
_WHOLE: Final[tuple[Wire[Any, Any], ...]] = ()

DIALECTS: Final[MappingProxyType[str, Dialect]] = MappingProxyType({dialect.NAME: dialect for dialect in _CHAT})
WIRES: Final[MappingProxyType[str, Wire[Any, Any]]] = MappingProxyType({wire.NAME: wire for wire in (*_CHAT, *_WHOLE)})
