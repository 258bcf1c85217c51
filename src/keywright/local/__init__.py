"""The embedded model: a small real LLM on this machine, so that Keywright answers before any provider key exists."""

from keywright.local.model import ALIAS, LocalModelMissingError, find_weights, require_runtime
from keywright.local.server import LocalModel, LocalModelError, LocalSettings, start

__all__ = [
    "ALIAS",
    "LocalModel",
    "LocalModelError",
    "LocalModelMissingError",
    "LocalSettings",
    "find_weights",
    "require_runtime",
    "start",
]
