"""How each wire speaks: one package per dialect, with two faces. `DIALECTS` is the whole inventory."""

from types import MappingProxyType
from typing import Final

from keywright.core.dialect import Dialect
from keywright.dialects import anthropic, openai_chat

DIALECTS: Final[MappingProxyType[str, Dialect]] = MappingProxyType(
    {openai_chat.NAME: openai_chat, anthropic.NAME: anthropic}
)
