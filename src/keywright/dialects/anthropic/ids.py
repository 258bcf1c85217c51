"""Tool call ids from elsewhere, in the letters that this API accepts, and back.

The API takes `[a-zA-Z0-9_-]+`. Most vendors' ids are that already and stay as they are. Others (`functions.f:0`) are
written as base64url behind a prefix, so that two never become one and the original can be read off.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_PREFIX: Final = "kw64_"


def outward(call_id: str) -> str:
    """`call_id` as it may stand on this wire."""
    if call_id.isascii() and call_id.replace("_", "a").replace("-", "a").isalnum() and not call_id.startswith(_PREFIX):
        return call_id
    return _PREFIX + urlsafe_b64encode(call_id.encode()).decode().rstrip("=")


def inward(call_id: str) -> str:
    """The id that `outward` was given; any other id as it is."""
    if not call_id.startswith(_PREFIX):
        return call_id
    written = call_id[len(_PREFIX) :]
    try:
        original = urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()
    except ValueError:
        return call_id
    return original if outward(original) == call_id else call_id
