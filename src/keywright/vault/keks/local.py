"""A key encryption key that is on this machine: it wraps by AES-256-GCM itself.

Its id is told by the key, not by its place: a key may move to another file, or from a file to the keyring, and another
key that comes in its place is known as one.
"""

from collections.abc import Callable
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keywright.core.errors import SecretError
from keywright.vault.credential import Unwritable
from keywright.vault.sealed.envelope import NONCE_BYTES, TAG_BYTES, Random
from keywright.vault.sealed.keys import NAMES, WRAPS, read_key, subkey

ID_BYTES: Final = 8


class LocalKek(Unwritable):
    """The key whose file's content, or keyring's entry, `load` returns; it is asked once, at the first use.

    `place` is what the configuration calls it. `load` raises SecretError, which names the place.
    """

    algorithm: Final = "A256GCM"

    def __init__(self, place: str, load: Callable[[], bytes], random: Random) -> None:
        self._place = place
        self._load = load
        self._random = random
        self._loading = Lock()
        self._loaded: tuple[str, AESGCM] | None = None

    @property
    def id(self) -> str:
        """`local:` and a digest of a subkey. Raises SecretError."""
        return self._key()[0]

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """A nonce and what AES-256-GCM makes of `data_key`. Raises SecretError."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._key()[1].encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What `wrap` was given. Raises SecretError."""
        cipher = self._key()[1]
        if len(wrapped) < NONCE_BYTES + TAG_BYTES:
            raise SecretError("its data key is damaged")
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except InvalidTag:
            raise SecretError(
                f"its data key is damaged, or was wrapped for another row or not by {self._place}"
            ) from None

    def __repr__(self) -> str:
        return f"<key encryption key {self._place}>"

    def _key(self) -> tuple[str, AESGCM]:
        with self._loading:
            if self._loaded is None:
                try:
                    key = read_key(self._load())
                except ValueError as error:
                    raise SecretError(f"the key encryption key {self._place} {error}") from None
                self._loaded = (f"local:{subkey(key, NAMES)[:ID_BYTES].hex()}", AESGCM(subkey(key, WRAPS)))
            return self._loaded
