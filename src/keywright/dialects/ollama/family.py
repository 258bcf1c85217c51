"""The names of the two dialects, and how they share extras: both endpoints take the same fields but for a few."""

from typing import Final

from keywright.core.json import Extras, JsonObject

CHAT: Final = "ollama_chat"
GENERATE: Final = "ollama_generate"
FAMILY: Final = frozenset((CHAT, GENERATE))

RAW: Final = "is_raw"
"""The extra of a prompt that is a model's own template filled in already: `raw` on the wire."""

GENERATE_ONLY: Final = frozenset(("context", RAW, "suffix", "template"))
"""Extras of a request that only `/api/generate` takes."""

LOAD: Final = "load"
"""The extra of a request without a prompt: the server is to load its model, or to unload it."""

OPTION: Final = "options."
"""How the names of extras begin that stand in `options`."""


def shared(extras: Extras) -> JsonObject:
    """The extras of both dialects together."""
    if not extras:
        return {}
    return {**extras.get(GENERATE, {}), **extras.get(CHAT, {})}


def foreign(extras: Extras) -> Extras:
    """The extras of all other dialects."""
    return {dialect: fields for dialect, fields in extras.items() if dialect not in FAMILY}
