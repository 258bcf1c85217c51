"""What must not be shown: secrets as they went over the wire, found again in what came back."""

from keywright.core.secret import Secret


class Hidden:
    """Finds `secrets` in bytes and puts their fingerprints there, the longest first: one may begin like another. Text
    that a server escaped is not recognised.
    """

    __slots__ = ("_pairs",)

    def __init__(self, *secrets: Secret) -> None:
        pairs = [(secret.reveal().encode(), f"<secret {secret.fingerprint}>".encode()) for secret in secrets]
        self._pairs = tuple(sorted(pairs, key=lambda pair: len(pair[0]), reverse=True))

    def redact(self, text: bytes) -> bytes:
        """`text` with each secret in it replaced by its fingerprint: a provider's error may repeat what it was sent."""
        for secret, shown in self._pairs:
            text = text.replace(secret, shown)
        return text

    def begun(self, text: bytes) -> int:
        """How many bytes at the end of `text` are the beginning of a secret, and not all of it."""
        if text.endswith(b"\n"):  # as frames do, and no key has one
            return 0
        return max([_begun(secret, text) for secret, _ in self._pairs], default=0)


def _begun(secret: bytes, text: bytes) -> int:
    start = text.find(secret[:1], max(0, len(text) - len(secret) + 1))
    while start >= 0:
        if secret.startswith(text[start:]):
            return len(text) - start
        start = text.find(secret[:1], start + 1)
    return 0
