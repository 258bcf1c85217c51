"""Our ledger against a provider's own figures: who can be asked, and what the two differ in. No IO."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from keywright.reconcile.anthropic import ANTHROPIC
from keywright.reconcile.openai import OPENAI
from keywright.reconcile.openrouter import OPENROUTER
from keywright.reconcile.reader import Reader

READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {"anthropic": ANTHROPIC, "openai": OPENAI, "openrouter": OPENROUTER}
)
"""Kind of provider → how its own figures are read."""

__all__ = ["READERS", "Reader"]
