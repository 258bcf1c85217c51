"""Whose model is it, and how does that vendor say what Converse has no field for?

Converse is one form for many vendors' models, and `additionalModelRequestFields` the door to what only one of them
has. What stands behind the door is data here, by the vendor's name as it begins a model's id. The id may carry the
prefix of a group of regions, and may be the last part of an ARN. An application's own inference profile tells nothing:
it is asked as most of those are, which is as Claude.
"""

from typing import Final, Literal

from msgspec import Struct

REGIONS: Final = frozenset(
    {"us", "us-gov", "eu", "apac", "global", "jp", "au", "ca", "sa", "uk", "il", "me", "af", "ap", "in", "cn", "mx"}
)
"""What may stand before a vendor's name: inference across the regions of that part of the world."""


class Manner(Struct, frozen=True):
    """How a vendor's models are told what Converse has no field for.

    `thinking`: the form in which they are told to think. `top_k`: the member to set, step by step (empty: there is
    none). `caches`: whether they know cache points. `parallel`: whether `tool_choice.disable_parallel_tool_use` is
    understood. `one_knob`: whether temperature and top_p exclude each other.
    """

    thinking: Literal["budget", "level", "effort", "none"] = "none"
    top_k: tuple[str, ...] = ()
    caches: bool = False
    parallel: bool = False
    one_knob: bool = False


CLAUDE: Final = Manner("budget", ("top_k",), caches=True, parallel=True, one_knob=True)
PLAIN: Final = Manner()

MANNERS: Final = {
    "": CLAUDE,
    "anthropic": CLAUDE,
    "amazon": Manner("level", ("inferenceConfig", "topK"), caches=True),
    "cohere": Manner(top_k=("k",)),
    "mistral": Manner(top_k=("top_k",)),
    "openai": Manner("effort"),
}
"""Vendors by the name that begins a model's id; the empty name is that of ids which name no vendor."""


def vendor_of(model: str) -> str:
    """The vendor's name in a model's id, ARN or inference profile; empty when it has none."""
    for segment in reversed(model.split("/")):
        words = segment.split(".")
        if len(words) > 1 and words[0] in REGIONS:
            del words[0]
        if len(words) > 1:
            return words[0]
    return ""


def manner_of(model: str) -> Manner:
    """How `model` is told what Converse has no field for."""
    return MANNERS.get(vendor_of(model), PLAIN)
