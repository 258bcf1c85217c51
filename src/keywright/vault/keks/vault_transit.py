"""`vault-transit://MOUNT/KEY`: a symmetric key of the transit engine of HashiCorp Vault or OpenBao.

The context is told as associated data, which the key authenticates; a key that is derived also derives from it. The
identity needs `update` on `MOUNT/encrypt/KEY` and `MOUNT/decrypt/KEY`, and should have no `create` there: with it the
engine would make a key that does not exist.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.vault.exchange import Asked, Reply
from keywright.vault.backends.vault.session import Session
from keywright.vault.settings import StoreSettings


class TransitKek:
    """The key at `place`, `MOUNT/KEY`; the mount may have slashes. It signs in as the backend of `vault://` does."""

    algorithm: Final = "vault-transit"

    def __init__(
        self,
        place: str,
        settings: StoreSettings,
        environment: Mapping[str, str],
        resolve: Callable[[str], Secret],
        ticks_s: Callable[[], float] = monotonic,
    ) -> None:
        """Raises SecretError: the settings lack something, or hvac is not installed. Nothing is asked yet."""
        self.id: Final = f"vault-transit://{place}"
        self._mount, _, self._key = place.rpartition("/")
        self._session = Session(settings, environment, resolve, ticks_s)

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """`data_key`, encrypted. Raises SecretError."""
        return self._answer("encrypt", "plaintext", b64encode(data_key).decode(), context, "ciphertext").encode()

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises SecretError, also when it was wrapped for another context."""
        if not wrapped.isascii():
            raise SecretError(f"{self.id} has not wrapped this: it is damaged, or another key's")
        found = self._answer("decrypt", "ciphertext", wrapped.decode(), context, "plaintext")
        try:
            return b64decode(found, validate=True)
        except binascii.Error:
            # From None: the error may show what was decoded.
            raise SecretError(f"{self.id}: the answer is no key") from None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _answer(self, verb: str, given: str, value: str, context: bytes, wanted: str) -> str:
        bound = b64encode(context).decode()
        body = {given: value, "associated_data": bound, "context": bound}
        return self._session.put(self.id, lambda asked: self._said(asked, verb, body, wanted))

    def _said(self, asked: Asked, verb: str, body: Mapping[str, str], wanted: str) -> str:
        reply = self._session.ask(asked, "POST", f"{self._mount}/{verb}/{self._key}", body)
        found = (reply.data or {}).get(wanted)
        if reply.status == 400:
            raise self._refused(verb, reply)
        if reply.status != 200 or not isinstance(found, str) or not found:
            raise self._session.refused(asked, reply)
        return found

    def _refused(self, verb: str, reply: Reply) -> SecretError:
        """By words of the server's that are known: others could repeat what was sent."""
        said = " ".join(reply.errors or ())
        if "key not found" in said:
            return SecretAbsentError(f"{self.id}: there is no such key")
        if "non-AEAD" in said or "not supported" in said:
            return SecretError(f"{self.id} is of a type that cannot wrap: make one of the type aes256-gcm96")
        if verb == "decrypt":
            return SecretError(f"{self.id} does not unwrap this: it is damaged, or another key's or another context's")
        return SecretError(f"{self.id} does not wrap: is it a key that encrypts?")
