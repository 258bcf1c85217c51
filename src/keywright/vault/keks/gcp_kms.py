"""`gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K`: a symmetric key of Google Cloud KMS.

The context is bound as additional authenticated data. What goes either way has a checksum, and each is compared.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.sdk.crc32c import crc32c
from keywright.vault.sdk.google import EXTRA, GoogleAccess, google_fault, quiet
from keywright.vault.sdk.opened import Opened
from keywright.vault.sdk.service import Service, for_another
from keywright.vault.settings import StoreSettings

DOMAIN: Final = "googleapis.com"
HOST: Final = "cloudkms.googleapis.com"


class GcpKmsKek:
    """The key `key`, by its whole name, without a version. The account needs the role Cloud KMS CryptoKey
    Encrypter/Decrypter for it.
    """

    algorithm: Final = "gcp-kms"

    def __init__(
        self, key: str, settings: StoreSettings, environment: Mapping[str, str], resolve: Callable[[str], Secret]
    ) -> None:
        self.id = f"gcp-kms://{key}"
        self._key = key
        self._access = GoogleAccess(for_another(settings, DOMAIN), environment, resolve)
        self._service = Service("Google Cloud KMS", settings.timeout_s, google_fault)
        self._client = Opened(self._open)

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """`data_key`, encrypted. Raises SecretError."""
        wanted = {
            "name": self._key,
            "plaintext": data_key,
            "plaintext_crc32c": crc32c(data_key),
            "additional_authenticated_data": context,
            "additional_authenticated_data_crc32c": crc32c(context),
        }

        def encrypt(left_s: float) -> Any:
            return self._client().encrypt(request=wanted, retry=None, timeout=left_s)

        answer = self._ask("Encrypt", encrypt)
        if not (answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c):
            raise self._damaged()
        return self._checked(bytes(answer.ciphertext), answer.ciphertext_crc32c)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises SecretError, also when it was wrapped for another context."""
        wanted = {
            "name": self._key,
            "ciphertext": wrapped,
            "ciphertext_crc32c": crc32c(wrapped),
            "additional_authenticated_data": context,
            "additional_authenticated_data_crc32c": crc32c(context),
        }

        def decrypt(left_s: float) -> Any:
            return self._client().decrypt(request=wanted, retry=None, timeout=left_s)

        answer = self._ask("Decrypt", decrypt)
        return self._checked(bytes(answer.plaintext), answer.plaintext_crc32c)

    def close(self) -> None:
        """Close the connections."""
        self._client.close(lambda client: client.transport.close())

    def _ask(self, action: str, attempt: Callable[[float], Any]) -> Any:
        self._client()  # it takes its time and asks nobody
        return self._service.ask(self.id, lambda question: question.request(action, attempt))

    def _open(self) -> Any:
        try:
            from google.cloud.kms_v1 import KeyManagementServiceClient  # noqa: PLC0415
            from google.cloud.kms_v1.services.key_management_service.transports.rest import (  # noqa: PLC0415
                KeyManagementServiceRestTransport,
            )
        except ImportError:
            raise SecretError(EXTRA) from None
        quiet()
        return KeyManagementServiceClient(transport=self._access.transport(KeyManagementServiceRestTransport, HOST))

    def _checked(self, data: bytes, checksum: int) -> bytes:
        if crc32c(data) != checksum:
            raise self._damaged()
        return data

    def _damaged(self) -> SecretError:
        return SecretError(f"{self.id}: a key was damaged on its way: its checksum is another's")
