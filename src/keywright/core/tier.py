"""By which service tier a call is served: in one word for all providers, "" for the plain one."""

from typing import Final

from keywright.core.json import Json

AUTO: Final = "auto"
"""What a request says, or means, that leaves the tier to the provider."""

PLAIN: Final = frozenset(
    {
        "auto",
        "default",
        "global",
        "not_available",
        "on_demand",
        "provisioned",
        "provisioned_throughput",
        "standard",
        "standard_only",
        "traffic_type_unspecified",
    }
)
"""The words, of any provider, for what costs the plain price. Capacity that is paid beforehand is counted so, too."""

SAME: Final = {"on_demand_flex": "flex", "on_demand_priority": "priority"}
"""Google's words for what others call so."""


def tier_of(*said: Json) -> str:
    """The tier that these words of one answer, or request, amount to: those that are not plain, joined by hyphens."""
    words = [word.lower() for word in said if isinstance(word, str) and word]
    return "-".join([SAME.get(word, word) for word in words if word not in PLAIN])


def asked_tier(*said: Json) -> str:
    """The tier that a request asks for by these words, of which the first is the tier's own name."""
    if not said[0] or said[0] == AUTO:
        return tier_of(*said[1:]) or AUTO
    return tier_of(*said)
