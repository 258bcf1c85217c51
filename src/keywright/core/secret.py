"""Secret text that cannot be printed, pickled, hashed into a log or encoded by accident."""

import hmac
from hashlib import sha256
from typing import NoReturn, final


class SecretLeakError(TypeError):
    """Something tried to turn a secret into text."""


@final
class Secret:
    """A secret value. Every way of showing it is refused but the fingerprint.

    `reveal()` is called in one kind of place only: where a header or a body is written for the one
    server that the secret belongs to.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value:
            raise ValueError("a secret may not be empty")
        self._value = value

    def reveal(self) -> str:
        """The plain text. Write it to its destination at once; bind it to no name that lives on."""
        return self._value

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of its SHA-256: safe to show, to log and to compare."""
        return sha256(self._value.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<secret {self.fingerprint}>"

    def _refuse(self, *_: object) -> NoReturn:
        raise SecretLeakError("a secret cannot become text; use reveal() where it is sent")

    __str__ = _refuse
    __format__ = _refuse
    __reduce__ = _refuse
    __reduce_ex__ = _refuse
    __getstate__ = _refuse
    __bytes__ = _refuse
