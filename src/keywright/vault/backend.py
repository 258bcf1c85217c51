"""What a backend of the vault is, and what every backend accepts as a secret."""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.reference import Reference

SECRET_CHARACTERS_MAX: Final = 8192
DOCUMENT_CHARACTERS_MAX: Final = 65_536

Accept: TypeAlias = Callable[[Reference, str], Secret]
"""Makes a secret of what was found at a reference, or raises SecretError: `accept` or `accept_document`."""


class SecretBackend(Protocol):
    """One place where secrets are kept. `read` may block on a disk or a network: call it off the event loop."""

    def read(self, reference: Reference, accept: Accept) -> Secret:
        """The secret at `reference`.

        Raises:
            SecretError: it cannot be had, or `accept` refuses it.
        """
        ...


def accept(reference: Reference, text: str) -> Secret:
    """`text`, found at `reference`, as a secret: one word of visible ASCII, which is what every header can carry.

    Raises:
        SecretError: naming the reference and what is wrong, never the text.
    """
    if not text or text.isspace():
        raise SecretError(f"{reference} is empty")
    if len(text) > SECRET_CHARACTERS_MAX:
        raise SecretError(f"{reference} is longer than {SECRET_CHARACTERS_MAX} characters")
    if not text.isascii():
        raise SecretError(f"{reference} holds a character that is not ASCII")
    if "\n" in text or "\r" in text:
        raise SecretError(f"{reference} has more than one line")
    if " " in text or "\t" in text:
        raise SecretError(f"{reference} holds white space; was it copied with something around it?")
    if not text.isprintable():
        raise SecretError(f"{reference} holds a control character")
    return Secret(text)


def accept_document(reference: Reference, text: str) -> Secret:
    """`text`, found at `reference`, as a secret of many lines: a credential file.

    Raises:
        SecretError: naming the reference and what is wrong, never the text.
    """
    if not text or text.isspace():
        raise SecretError(f"{reference} is empty")
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise SecretError(f"{reference} is longer than {DOCUMENT_CHARACTERS_MAX} characters")
    return Secret(text)
