"""How large an attack is: small for `make test`, large for `make soak` (`KEYWRIGHT_SOAK=1`)."""

import os

SOAK = bool(os.environ.get("KEYWRIGHT_SOAK"))

TEST_S = 900 if SOAK else 180
"""How long one attack may take altogether."""


def sized(usual: int, soak: int) -> int:
    """`usual`, or `soak` when this is one."""
    return soak if SOAK else usual
