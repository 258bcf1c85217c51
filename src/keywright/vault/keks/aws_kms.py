"""`aws-kms://KEY`: a symmetric key of AWS KMS. KEY is its id, its ARN, or `alias/NAME`.

An alias may be moved to another key. So the key is asked for its ARN, once, and is called by that from then on: what
was wrapped by the key that the alias meant before is known as another's.
"""

from base64 import b64encode
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from keywright.core.errors import SecretError
from keywright.vault.sdk.aws import AwsClients, aws_fault
from keywright.vault.sdk.service import Service, for_another
from keywright.vault.settings import StoreSettings

DOMAIN: Final = "amazonaws.com"
CONTEXT: Final = "keywright"
"""The name under which Amazon's log shows the context."""


class AwsKmsKek:
    """The key `key`. The identity needs `kms:Encrypt` and `kms:Decrypt` for it, and `kms:DescribeKey` where it is not
    given by its ARN.
    """

    algorithm: Final = "aws-kms"

    def __init__(self, key: str, settings: StoreSettings, environment: Mapping[str, str]) -> None:
        self._place = f"aws-kms://{key}"
        self._key = key
        self._asking = Lock()
        self._arn = key if key.startswith("arn:") and ":key/" in key else ""
        self._clients = AwsClients("kms", "KMS", for_another(settings, DOMAIN), environment)
        self._service = Service("AWS KMS", settings.timeout_s, aws_fault)

    @property
    def id(self) -> str:
        """The key's ARN, after `aws-kms://`. Raises SecretError."""
        with self._asking:
            if not self._arn:
                self._arn = str(self._ask("DescribeKey", {"KeyId": self._key})["KeyMetadata"]["Arn"])
        return f"aws-kms://{self._arn}"

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """`data_key`, encrypted. Raises SecretError."""
        answer = self._ask("Encrypt", {**self._bound(context), "Plaintext": data_key})
        return _bytes(self._place, answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises SecretError, also when it was wrapped for another context."""
        answer = self._ask("Decrypt", {**self._bound(context), "CiphertextBlob": wrapped})
        return _bytes(self._place, answer["Plaintext"])

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _bound(self, context: bytes) -> dict[str, object]:
        arn = self.id.removeprefix("aws-kms://")
        return {"KeyId": arn, "EncryptionContext": {CONTEXT: b64encode(context).decode()}}

    def _ask(self, operation: str, wanted: Mapping[str, object]) -> Any:
        def request(_: float) -> Any:
            return self._clients.ask(self._key, operation, wanted)

        self._clients.open(self._key)
        return self._service.ask(self._place, lambda question: question.request(operation, request))


def _bytes(place: str, found: object) -> bytes:
    if not isinstance(found, bytes):
        raise SecretError(f"{place}: AWS KMS answered with something that is no key")
    return found
