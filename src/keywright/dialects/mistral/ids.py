"""Tool call ids from elsewhere in the form that this API demands: nine letters and digits.

An id that has the form stays. Any other becomes one that is made of it by a hash: the same wherever it stands, so that
a result still finds its call, and another for another id (62⁹ there are). It need not be read back: clients keep the
ids that they were given, and ids of this API's own making have the form.
"""

from hashlib import blake2b
from typing import Final

CHARS: Final = 9
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def fits(call_id: str) -> bool:
    """Whether it has the form."""
    return len(call_id) == CHARS and call_id.isascii() and call_id.isalnum()


def outward(call_id: str) -> str:
    """`call_id` as it may stand on this wire."""
    if fits(call_id):
        return call_id
    number = int.from_bytes(blake2b(call_id.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    letters = []
    for _ in range(CHARS):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)
