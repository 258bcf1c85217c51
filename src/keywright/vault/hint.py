"""Is it this secret? What a provider shows of a key, `sk-abc...wxyz`, held against the key itself."""

import re
from typing import Final

from keywright.core.secret import Secret

SHOWN_CHARACTERS_MIN: Final = 7
"""Fewer characters at both ends together are no proof."""

_GAP: Final = re.compile(r"\.{3,}|…|\*{3,}")


def fits(secret: Secret, hint: str) -> bool:
    """Whether `secret` has the ends that `hint` shows. Two secrets may have the same ends."""
    head, *rest = _GAP.split(hint)
    if not rest:
        return False
    tail, text = rest[-1], secret.reveal()
    if len(head) + len(tail) < SHOWN_CHARACTERS_MIN or len(text) <= len(head) + len(tail):
        return False
    return text.startswith(head) and text.endswith(tail)
