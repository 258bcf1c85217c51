"""A provider's key as something that puts itself on a request and shows nothing of itself.

Sans-IO. The header is rendered once, when the configuration is read; a request pays for one tuple. All of the ways
in which an object usually turns into text (`str`, `repr`, pickle, copy, msgspec) give the fingerprint or refuse.
"""

from typing import NoReturn, TypeAlias

from keywright.core.http import Header
from keywright.core.secret import Secret, SecretLeakError


class HeaderCredential:
    """The key alone in one header. `name` says whose it is, for people; `header` is lower case."""

    __slots__ = ("_header", "_secret", "_shown", "fingerprint", "name")

    def __init__(self, name: str, header: str, secret: Secret, prefix: str = "") -> None:
        self.name = name
        self.fingerprint = secret.fingerprint
        self._shown = f"<secret {secret.fingerprint}>".encode()
        self._secret = secret.reveal().encode("ascii")
        self._header: Header = (header.encode("ascii"), prefix.encode("ascii") + self._secret)

    def apply(self, headers: tuple[Header, ...]) -> tuple[Header, ...]:
        """`headers` and this credential. They may hold no header of its name yet."""
        return (*headers, self._header)

    def redact(self, text: bytes) -> bytes:
        """`text` with the secret in it replaced by its fingerprint: a provider's error may repeat what it was sent."""
        return text.replace(self._secret, self._shown)

    def begun(self, text: bytes) -> int:
        """How many bytes at the end of `text` are the beginning of the secret, and not all of it."""
        if text.endswith(b"\n"):  # as frames do, and no key has one
            return 0
        secret = self._secret
        start = text.find(secret[:1], max(0, len(text) - len(secret) + 1))
        while start >= 0:
            if secret.startswith(text[start:]):
                return len(text) - start
            start = text.find(secret[:1], start + 1)
        return 0

    def __repr__(self) -> str:
        return f"<credential {self.name} {self.fingerprint}>"

    def _refuse(self, *_: object) -> NoReturn:
        raise SecretLeakError("a credential cannot be copied or written down; it applies itself to a request")

    __reduce__ = _refuse
    __reduce_ex__ = _refuse
    __getstate__ = _refuse


class BearerCredential(HeaderCredential):
    """The key in `authorization: Bearer KEY`."""

    __slots__ = ()

    def __init__(self, name: str, secret: Secret) -> None:
        super().__init__(name, "authorization", secret, prefix="Bearer ")


class NoCredential:
    """For a provider that asks for no key."""

    __slots__ = ("name",)
    fingerprint = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, headers: tuple[Header, ...]) -> tuple[Header, ...]:
        """`headers`, as they are."""
        return headers

    def redact(self, text: bytes) -> bytes:
        """`text`, as it is."""
        return text

    def begun(self, _: bytes) -> int:
        """None."""
        return 0

    def __repr__(self) -> str:
        return f"<no credential {self.name}>"


Credential: TypeAlias = BearerCredential | HeaderCredential | NoCredential
