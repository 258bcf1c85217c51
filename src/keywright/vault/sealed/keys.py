"""Keys that are kept on this machine: what they look like in a file, which are refused, what is derived from them.

A key is 32 bytes drawn at random, never something that a person thought of: nothing is stretched or hashed to make one
of a password. It is used for nothing itself; every use has a subkey of its own by HKDF-SHA256 with a fixed label, so
that what one use gives away is worth nothing to another.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from itertools import pairwise
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keywright.vault.sealed.envelope import Random

KEY_BYTES: Final = 32
PREFIX: Final = "keywright-kek-1:"
DISTINCT_BYTES_MIN: Final = 16
"""Of 32 bytes drawn at random, less than one in 10^12 has fewer different ones."""

WRAPS: Final = b"keywright kek 1: wraps data keys"
NAMES: Final = b"keywright kek 1: names itself"
"""Labels. One that was ever used is never changed, nor used for another purpose."""

ADVICE: Final = "make one with `keywright secret create-kek PATH`"
_WORDS: Final = (b"", b"0", b"admin", b"changeme", b"default", b"keywright", b"master", b"password", b"secret", b"test")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
"""From base64 as it stands in URLs."""

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


def new_kek(random: Random) -> str:
    """A new key, as one line for a file or a keyring."""
    return f"{PREFIX}{b64encode(random(KEY_BYTES)).decode()}"


def read_key(content: bytes) -> bytes:
    """The key that `content` holds: what `new_kek` makes, base64, hexadecimal digits, or the 32 bytes themselves.

    Raises:
        ValueError: it holds none, or one that nobody drew at random; the message is a predicate that says what to do.
    """
    key = _decoded(content.strip()) if content.isascii() else content
    if len(key) != KEY_BYTES:
        raise ValueError(f"holds a key of {len(key)} bytes, {KEY_BYTES} are needed: {ADVICE}")
    why = _weakness(key)
    if why:
        raise ValueError(f"holds a key that {why}, so it can be guessed: {ADVICE}")
    return key


def subkey(key: bytes, label: bytes) -> bytes:
    """The key for one use of `key`, 32 bytes."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=label).derive(key)


def _decoded(text: bytes) -> bytes:
    text = text.removeprefix(PREFIX.encode())
    if text and len(text) % 2 == 0 and _HEX.issuperset(text):
        return bytes.fromhex(text.decode())
    try:
        return b64decode(text.translate(_STANDARD) + b"=" * (-len(text) % 4), validate=True)
    except Base64Error:
        raise ValueError(
            f"holds text that is no key of {KEY_BYTES} bytes, neither as base64 nor as hexadecimal digits: {ADVICE}"
        ) from None


def _weakness(key: bytes) -> str:
    """What shows that nobody drew `key` at random, "" where nothing does."""
    half = KEY_BYTES // 2
    if not any(key):
        return "is all zeros"
    if len(set(key)) < DISTINCT_BYTES_MIN or key[:half] == key[half:]:
        return "repeats itself"
    if len({(after - before) % 256 for before, after in pairwise(key)}) == 1:
        return "counts"
    if key.isascii() and key.decode().isprintable():
        return "is text, which somebody typed"
    if any(key == sha256(word).digest() for word in _WORDS):
        return "is the hash of a common word"
    return ""
