"""An RSA key for tests, and the check of what was signed with it."""

import json
from base64 import urlsafe_b64decode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@cache
def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    """One key for the whole run: to make one takes long."""
    return generate_private_key(65537, bits)


def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def verified(token: str, key: RSAPrivateKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT that `key` signed; raises InvalidSignature when it did not."""
    head, claims, signature = token.split(".")
    key.public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    return json.loads(_decoded(head)), json.loads(_decoded(claims))


def _decoded(part: str) -> bytes:
    assert "=" not in part
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
