"""The key as a string: `sk-kw-<kind><id>-<secret><check>`, 73 characters.

The prefix is fixed, so that scanners find a leaked key and clients which insist on `sk-` accept it. The id is safe to
show and to log. The secret is 256 random bits. The check is the CRC-32 of all before it: a typo or a text that merely
looks like a key is refused by arithmetic, before anything is looked up. It proves nothing (anyone can compute it);
what proves a key is the SHA-256 of the whole string.
"""

from binascii import crc32
from collections.abc import Callable
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from keywright.core.identity import KeyKind
from keywright.core.secret import Secret

PREFIX: Final = "sk-kw-"
ID_CHARACTERS: Final = 16
SECRET_CHARACTERS: Final = 43
CHECK_CHARACTERS: Final = 6
SECRET_BYTES: Final = 32
ID_BYTES: Final = 16

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple((a + b).encode() for a in _ALPHABET for b in _ALPHABET)
_LETTERS: Final[MappingProxyType[KeyKind, str]] = MappingProxyType(
    {"user": "u", "service": "s", "temporary": "t", "admin": "a"}
)
_KIND_BYTES: Final = "".join(_LETTERS.values()).encode()
_PREFIX_BYTES: Final = PREFIX.encode()

_ID_AT: Final = len(PREFIX) + 1
_DASH_AT: Final = _ID_AT + ID_CHARACTERS
_SECRET_AT: Final = _DASH_AT + 1
_CHECK_AT: Final = _SECRET_AT + SECRET_CHARACTERS
KEY_CHARACTERS: Final = _CHECK_AT + CHECK_CHARACTERS


class IssuedKey(Struct, frozen=True):
    """A key at the one moment when its secret is known. `secret` is the whole string; `sha256` is its digest."""

    id: str
    kind: KeyKind
    secret: Secret
    sha256: bytes


def issue(kind: KeyKind, random: Callable[[int], bytes]) -> IssuedKey:
    """A new key. `random(n)` gives `n` unpredictable bytes (`secrets.token_bytes`)."""
    return reissue(kind, _base62(int.from_bytes(random(ID_BYTES)) % 62**ID_CHARACTERS, ID_CHARACTERS), random)


def reissue(kind: KeyKind, key_id: str, random: Callable[[int], bytes]) -> IssuedKey:
    """The key with that id, with a new secret."""
    secret = _base62(int.from_bytes(random(SECRET_BYTES)), SECRET_CHARACTERS)
    body = f"{PREFIX}{_LETTERS[kind]}{key_id}-{secret}"
    text = body + _check(body.encode()).decode()
    return IssuedKey(id=key_id, kind=kind, secret=Secret(text), sha256=digest(text))


def read_id(text: bytes | str) -> str | None:
    """The id within a key string, or None when `text` is none: wrong form, or a wrong check. Never raises."""
    if len(text) != KEY_CHARACTERS:
        return None
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if (
        len(raw) != KEY_CHARACTERS
        or not raw.startswith(_PREFIX_BYTES)
        or raw[_ID_AT - 1] not in _KIND_BYTES
        or raw[_DASH_AT] != 0x2D
        or not raw[_ID_AT:_DASH_AT].isalnum()
        or not raw[_SECRET_AT:].isalnum()
        or raw[_CHECK_AT:] != _check(raw[:_CHECK_AT])
    ):
        return None
    return raw[_ID_AT:_DASH_AT].decode()


def digest(text: bytes | str) -> bytes:
    """The SHA-256 by which a key is known. Compare it with `hmac.compare_digest`."""
    return sha256(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).digest()


def _check(body: bytes) -> bytes:
    """The CRC-32 of `body`, six base62 digits, by pairs because every request pays for it."""
    upper, low = divmod(crc32(body), 3844)
    high, middle = divmod(upper, 3844)
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
