"""What is the same all over this dialect: its name, its limits, and its share of the extras."""

from typing import Final

from keywright.core.json import Extras, JsonObject

NAME: Final = "cohere"
"""The dialect's name in extras, logs and addresses."""

PLAN: Final = "tool_plan"
"""The field of a message that holds the plan for its calls; in extras, the mark of the thought that is one."""

DOCUMENT: Final = "document"
"""In extras of a text or a document: the client's own document, whole."""

PLAN_EXTRAS: Final[Extras] = {NAME: {PLAN: True}}


def own(extras: Extras) -> JsonObject:
    """This dialect's share of `extras`; not to be changed."""
    return extras.get(NAME) or {}
