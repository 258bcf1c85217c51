"""Ids for what has no name of its own."""

from collections.abc import Callable
from typing import Final

ID_BYTES: Final = 10


def new_id(kind: str, random: Callable[[int], bytes]) -> str:
    """A new id of that kind: `bud_6f1d…`."""
    return f"{kind}_{random(ID_BYTES).hex()}"
