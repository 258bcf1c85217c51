"""A signed price list: Ed25519 over the file's bytes, kept apart from the file, as `ed25519:` and base64.

The signature proves the file; the date within it proves its place in the order of lists. What is signed begins with a
line that says what it is, so that no signature of anything else with the same key counts for a list.
"""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from keywright.catalog.publickey import PREFIX, key_text, raw_key

PURPOSE: Final = b"keywright price list 1\n"
SUFFIX: Final = ".sig"
"""What stands behind a list's address or file name in that of its signature."""

SIGNATURE_BYTES_MAX: Final = 1024


def private_key(pem: str) -> Ed25519PrivateKey:
    """The key that `pem` holds.

    Raises:
        ValueError: it holds no private key for Ed25519 without a password; never repeats it.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("not a private key in PEM without a password: openssl genpkey -algorithm ed25519") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("a key of another kind: openssl genpkey -algorithm ed25519")
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key of `key`, as `[prices_source] public_key` wants it."""
    return key_text(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def sign(document: bytes, key: Ed25519PrivateKey) -> str:
    """The signature of `document`."""
    return PREFIX + base64.b64encode(key.sign(PURPOSE + document)).decode()


def verify(document: bytes, signature: str, public_key: str) -> None:
    """Return when `signature` is the holder's of `public_key` for `document`.

    Raises:
        ValueError: it is not; says why.
    """
    text = signature.strip()
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        raw = b""
    if not raw:
        raise ValueError(f"the signature is not one: it begins with {PREFIX}")
    try:
        Ed25519PublicKey.from_public_bytes(raw_key(public_key)).verify(raw, PURPOSE + document)
    except InvalidSignature:
        raise ValueError("the signature is not of this file by the configured key") from None
