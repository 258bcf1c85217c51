"""What encrypts the keys that encrypt secrets: a key encryption key, on this machine or in a key management service."""

from typing import Final, Protocol

DATA_KEY_BYTES: Final = 32
CONTEXT_BYTES: Final = 32
WRAPPED_BYTES_MAX: Final = 4096


class Kek(Protocol):
    """One key. Its methods may block on a disk or a network, for as long as its settings' time-out and no longer: call
    them off the event loop. Several threads may call at once. Constructing one does no IO; the first question does.

    A message of an error names the key's place and the cause, never a byte of a key. `SecretDeniedError`: we may not
    use it; `SecretAbsentError`: there is no such key; `SecretError`: anything else.

    `context` says what the data key belongs to: `CONTEXT_BYTES` of a digest, neither secret nor text. What was wrapped
    with one context does not unwrap with another. A service that can is told it (AWS' encryption context as base64,
    Google's additional authenticated data, transit's associated data); where none can, wrap `context + data_key` and
    compare on the way back: 64 bytes fit under RSA-2048 OAEP.
    """

    @property
    def id(self) -> str:
        """What rows say of who wrapped them: the same for the same key, for ever; another for another key. At most 1024
        characters. A version that the service itself keeps apart is no part of it.

        Raises:
            SecretError: it is told by the key itself, and that cannot be read.
        """
        ...

    @property
    def algorithm(self) -> str:
        """How it wraps, in a word (`A256GCM`, `aws-kms`, `RSA-OAEP-256`). It is kept beside what was wrapped, and a
        data key that says another is not given to `unwrap`.
        """
        ...

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """`data_key`, of `DATA_KEY_BYTES`, encrypted: up to `WRAPPED_BYTES_MAX`.

        Raises:
            SecretError: it was not.
        """
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key that `wrap` returned as `wrapped`.

        Raises:
            SecretError: it was not wrapped by this key with this context, or is damaged; or the key cannot be asked.
        """
        ...
