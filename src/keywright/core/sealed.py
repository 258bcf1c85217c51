"""A secret as Keywright's own store keeps it: encrypted. How, is the vault's matter (`vault/sealed/envelope.py`)."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Purpose: TypeAlias = Literal["secret", "self-test"]

SECRET: Final[Purpose] = "secret"  # noqa: S105 - what it is for
SELF_TEST: Final[Purpose] = "self-test"
"""A row that shows whether a key encryption key is the one that this store knows; it holds nothing of value."""


class SealedSecret(Struct, frozen=True):
    """One version of one secret, 1 for its first. `kek` encrypted `data_key`, which encrypted `ciphertext`."""

    tenant: str
    name: str
    version: int
    purpose: str
    kek: str
    data_key: bytes
    ciphertext: bytes


class Rewrapping(Struct, frozen=True):
    """The same secret version with its data key encrypted by another key: `old` is to become `data_key`, by `kek`."""

    tenant: str
    name: str
    version: int
    old: bytes
    kek: str
    data_key: bytes
