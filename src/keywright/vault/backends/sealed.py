"""`sealed:name`: Keywright's own store, in its database, encrypted (`vault/sealed/envelope.py`).

Versions count from 1. Two are kept: what counts and what was there before it, until that is forgotten.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_bytes
from typing import Final

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.sealed import SECRET, SealedSecret
from keywright.core.secret import Secret
from keywright.vault.backend import Value
from keywright.vault.kek import Kek
from keywright.vault.reference import Reference
from keywright.vault.sealed.envelope import Random, Slot, seal, unseal
from keywright.vault.sealed.ring import Ring
from keywright.vault.sealed.shelf import Shelf

PLAIN_BYTES_MAX: Final = 262_144
VERSION_DIGITS_MAX: Final = 18
WRITES_MAX: Final = 64
"""How often a write is tried while others write the same secret."""


class SealedBackend:
    """The secrets of `tenant` on `shelf`. The first of `keks` seals; all of them open."""

    def __init__(self, shelf: Shelf, keks: Sequence[Kek], tenant: str, random: Random = token_bytes) -> None:
        self._shelf = shelf
        self._ring = Ring(keks, shelf, tenant, random)
        self._tenant = tenant
        self._random = random

    def prove(self) -> None:
        """Nothing, if every key is the right one for this store: the test of a start. May block.

        Raises:
            SecretError: of the first that is not, or cannot be used.
        """
        self._ring.prove()

    def read(self, reference: Reference) -> Value:
        """The newest version, or the one that `reference` names. Raises SecretError."""
        with _naming(reference):
            if not reference.version:
                return self._value(self._newest(reference))
            return self._value(self._at(reference, _number(reference.version)))

    def write(self, reference: Reference, secret: Secret) -> str:
        """Seal `secret` as the next version. What is there already is not written again, so that a write which is
        repeated keeps what was before it. Raises SecretError.
        """
        plain = secret.reveal().encode()
        with _naming(reference):
            if len(plain) > PLAIN_BYTES_MAX:
                raise SecretError(f"the secret is longer than {PLAIN_BYTES_MAX} bytes")
            kek = self._ring.first()
            for _ in range(WRITES_MAX):
                newest = self._shelf.newest(self._tenant, reference.name)
                if newest is not None and self._holds(newest, secret):
                    return str(newest.version)
                version = newest.version + 1 if newest is not None else 1
                slot = Slot(self._tenant, reference.name, version, SECRET)
                if self._shelf.put(seal(plain, slot, kek, self._random)):
                    return str(version)
            raise SecretError("it was not written: others write the same secret again and again")

    def previous(self, reference: Reference) -> Value:
        """The version before the newest. Raises SecretError."""
        with _naming(reference):
            return self._value(self._at(reference, self._newest(reference).version - 1))

    def forget(self, reference: Reference) -> None:
        """Delete what is older than the newest version. Raises SecretError."""
        with _naming(reference):
            newest = self._shelf.newest(self._tenant, reference.name)
            if newest is not None:
                self._shelf.forget_before(self._tenant, reference.name, newest.version)

    def read_only(self, _: Reference) -> str:
        """Never."""
        return ""

    def names(self) -> tuple[Reference, ...]:
        """The secrets of this tenant. Raises SecretError."""
        return tuple(Reference("sealed", name) for name in self._shelf.names(self._tenant, SECRET))

    def close(self) -> None:
        """Nothing: the database is not ours to close."""

    def _newest(self, reference: Reference) -> SealedSecret:
        row = self._shelf.newest(self._tenant, reference.name)
        if row is None:
            raise SecretAbsentError("there is no such secret")
        return row

    def _at(self, reference: Reference, version: int) -> SealedSecret:
        row = self._shelf.at(self._tenant, reference.name, version)
        if row is None:
            raise SecretAbsentError(f"it has no version {version}, or that is forgotten")
        return row

    def _holds(self, row: SealedSecret, secret: Secret) -> bool:
        """Whether `row` opens to `secret`. One that is damaged, or under a lost key, may be written over."""
        try:
            return self._value(row).secret == secret
        except SecretError:
            return False

    def _value(self, row: SealedSecret) -> Value:
        slot = Slot(self._tenant, row.name, row.version, SECRET)
        plain = unseal(row, slot, self._ring.named(row.kek))
        return Value(Secret(plain.decode()), str(row.version))


def _number(version: str) -> int:
    if not (version.isascii() and version.isdecimal() and len(version) <= VERSION_DIGITS_MAX):
        raise SecretAbsentError("it has no such version: they are whole numbers from 1")
    return int(version)


@contextmanager
def _naming(reference: Reference) -> Iterator[None]:
    """Errors within it name `reference`."""
    try:
        yield
    except SecretError as error:
        raise type(error)(f"{reference}: {error}") from None
