"""Where a secret may be sent."""

from typing import Final

from keywright.core.http import Origin

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_unheard(origin: Origin) -> bool:
    """Whether nobody on the way hears what goes to `origin`: it goes by TLS, or does not leave this machine."""
    return origin.scheme == "https" or origin.host in LOOPBACK
