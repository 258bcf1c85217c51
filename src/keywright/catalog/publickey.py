"""How the public key of a signed price list is written: `ed25519:` and its 32 bytes in base64.

Apart from `signature.py`, so that reading a configuration does not load a library of cryptography.
"""

import base64
import binascii
from typing import Final

PREFIX: Final = "ed25519:"
KEY_BYTES: Final = 32


def is_public_key(text: str) -> bool:
    """Whether `text` is a public key."""
    try:
        raw_key(text)
    except ValueError:
        return False
    return True


def raw_key(text: str) -> bytes:
    """The bytes of the public key `text`.

    Raises:
        ValueError: it is none.
    """
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a public key is {PREFIX} and {KEY_BYTES} bytes in base64")
    return raw


def key_text(raw: bytes) -> str:
    """The public key `raw` as it is written."""
    return PREFIX + base64.b64encode(raw).decode()
