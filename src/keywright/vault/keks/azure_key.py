"""`azure-key://VAULT/KEY[/VERSION]`: an RSA key of Azure Key Vault, by RSA-OAEP-256.

RSA binds no context, so it is wrapped with the data key, and compared on the way back. Whoever wraps needs only the
public key, so that a vault's key alone does not say who wrapped; what the context belongs to is bound by what the data
key encrypts.

A wrapped key begins with the version of the key that wrapped it, for that one alone can unwrap it.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.kek import CONTEXT_BYTES
from keywright.vault.sdk.azure import EXTRA, AzureAccess, azure_fault
from keywright.vault.sdk.opened import Opened
from keywright.vault.sdk.service import Service
from keywright.vault.settings import StoreSettings

VERSION_CHARACTERS_MAX: Final = 64


class AzureKeyKek:
    """The key `key`, written `VAULT/KEY` or `VAULT/KEY/VERSION`; without a version, the newest wraps. The identity
    needs the role Key Vault Crypto User.
    """

    algorithm: Final = "RSA-OAEP-256"

    def __init__(
        self, key: str, settings: StoreSettings, environment: Mapping[str, str], resolve: Callable[[str], Secret]
    ) -> None:
        self._vault, _, rest = key.partition("/")
        self._name, _, self._version = rest.partition("/")
        self.id = f"azure-key://{self._vault}/{self._name}"
        self._access = AzureAccess(settings, environment, resolve)
        self._service = Service("Azure Key Vault", settings.timeout_s, azure_fault)
        self._clients: dict[str, Opened] = {}

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """`data_key`, encrypted. Raises SecretError."""

        # The newest version is looked for each time: a key that was rotated is to be used.
        client, algorithm = self._open(self._version)

        def wrap(left_s: float) -> Any:
            return client.wrap_key(algorithm, context + data_key, connection_timeout=left_s, read_timeout=left_s)

        try:
            answer = self._service.ask(self.id, lambda question: question.request("keys/get or keys/wrapKey", wrap))
        finally:
            client.close()
        version = self._version or str(answer.key_id).partition(f"/keys/{self._name}")[2].strip("/")
        if not version:
            raise SecretError(
                f"{self.id}: we may not ask which version is the newest (keys/get); allow it, or write the version"
            )
        return f"{version}.".encode() + bytes(answer.encrypted_key)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises SecretError, also when it was wrapped for another context."""
        head, _, sealed = wrapped.partition(b".")
        version = head.decode("ascii", "replace")
        if not (version.isalnum() and version.isascii()) or len(version) > VERSION_CHARACTERS_MAX or not sealed:
            raise SecretError(f"{self.id}: its data key is damaged")

        client, algorithm = self._clients.setdefault(version, Opened(lambda: self._open(version)))()

        def unwrap(left_s: float) -> Any:
            return client.unwrap_key(algorithm, sealed, connection_timeout=left_s, read_timeout=left_s)

        answer = self._service.ask(self.id, lambda question: question.request("keys/unwrapKey", unwrap))
        plain = bytes(answer.key)
        if not hmac.compare_digest(plain[:CONTEXT_BYTES], context):
            raise SecretError(f"{self.id}: its data key was wrapped for another row")
        return plain[CONTEXT_BYTES:]

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close(lambda opened: opened[0].close())

    def _open(self, version: str) -> Any:
        """A client for `version` of the key, "" for the newest; and the algorithm as its SDK calls it."""
        try:
            from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm  # noqa: PLC0415
        except ImportError:
            raise SecretError(EXTRA) from None
        place = f"{self._access.url(self._vault)}/keys/{self._name}" + (f"/{version}" if version else "")
        client = self._access.client(CryptographyClient, place, vault=self._vault)
        return client, KeyWrapAlgorithm.rsa_oaep_256
