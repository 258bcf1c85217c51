"""What is the same all over this dialect: its name, its limits, and its share of the extras."""

from typing import Final

from keywright.core.json import Extras, JsonObject

NAME: Final = "openai_chat"
"""The dialect's name in extras, logs and addresses."""

CHOICES_MAX: Final = 128
"""How many answers one request may ask for, as OpenAI limits it."""

TIERS: Final = frozenset(("auto", "default", "flex", "scale", "priority", "fast"))
"""OpenAI's service tiers. Any other word is one vendor's own."""


def own(extras: Extras) -> JsonObject:
    """This dialect's share of `extras`; not to be changed."""
    return extras.get(NAME) or {}
