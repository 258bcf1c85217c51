"""JSON as values: what an unmodelled field of a wire may hold."""

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
else:
    Json = Any  # msgspec cannot resolve a recursive alias; it decodes Any to exactly these types
"""Any JSON value, as msgspec decodes it."""

JsonObject: TypeAlias = dict[str, Json]
"""A JSON object. Treated as immutable: build a new one instead of changing it."""

Extras: TypeAlias = dict[str, JsonObject]
"""Fields that a dialect has and the canonical model has not: dialect name → field → value.

They go through unchanged when both sides speak that dialect, and become a `Loss` otherwise.
"""

NO_EXTRAS: Extras = {}


def encode(value: object) -> bytes:
    """Compact JSON of `value`, keys in their own order."""
    return msgspec.json.encode(value)
