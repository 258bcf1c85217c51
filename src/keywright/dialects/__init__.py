"""How each wire speaks: one package per dialect, with two faces.

`DIALECTS` has those in which one chats, `WIRES` all: with them those whose answers only come whole.
"""

from types import MappingProxyType
from typing import Any, Final

from keywright.core.dialect import Dialect, Wire
from keywright.dialects import anthropic, openai_chat

DIALECTS: Final[MappingProxyType[str, Dialect]] = MappingProxyType(
    {openai_chat.NAME: openai_chat, anthropic.NAME: anthropic}
)

WIRES: Final[MappingProxyType[str, Wire[Any, Any]]] = MappingProxyType({**DIALECTS})
