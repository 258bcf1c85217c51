"""A tool call's id from elsewhere, as this API takes it: 1 to 64 of `[a-zA-Z0-9_.:-]`.

Most ids are that already. Another becomes a digest of itself, the same in the call and in its result; nothing that the
provider answers names it, so it need not be turned back.
"""

from hashlib import sha256
from typing import Final

ID_CHARS_MAX: Final = 64
_ALLOWED: Final = str.maketrans(dict.fromkeys("_.:-", "a"))


def outward(call_id: str) -> str:
    """`call_id` as it may stand on this wire."""
    if call_id.isascii() and len(call_id) <= ID_CHARS_MAX and call_id.translate(_ALLOWED).isalnum():
        return call_id
    return "kw-" + sha256(call_id.encode()).hexdigest()[:40]
