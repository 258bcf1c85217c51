"""Keys and rows for these tests."""

from hashlib import sha256
from secrets import token_bytes

from keywright.core.errors import SecretError
from keywright.vault.keks.local import LocalKek
from keywright.vault.sealed.envelope import Random, Slot

CANARY = "sk-canary-5f1c"
SLOT = Slot("acme", "openai", 3, "secret")


def key_of(name: str) -> bytes:
    """A key of 32 bytes that is always the same for `name`."""
    return sha256(f"a test's key {name}".encode()).digest()


def local_kek(name: str, random: Random = token_bytes) -> LocalKek:
    """A key encryption key of this machine."""
    return LocalKek(f"file:/keys/{name}", lambda: key_of(name), random)


class FarKek:
    """A key of a service, which is named by its place, whatever key lies there. `down`: it cannot be reached."""

    algorithm = "far"

    def __init__(self, place: str, key: str) -> None:
        self.id = f"far://{place}"
        self.down = False
        self.wraps = 0
        self.unwraps = 0
        self._within = local_kek(key)

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        self._reach()
        self.wraps += 1
        return self._within.wrap(data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        self._reach()
        self.unwraps += 1
        return self._within.unwrap(wrapped, context)

    def _reach(self) -> None:
        if self.down:
            raise SecretError(f"{self.id} cannot be reached")
