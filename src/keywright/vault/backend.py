"""What a backend of the vault is, and what every backend accepts as a secret."""

from typing import Final, Protocol

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.reference import Reference

SECRET_CHARACTERS_MAX: Final = 8192


class SecretBackend(Protocol):
    """One place where secrets are kept. `read` may block on a disk or a network: call it off the event loop."""

    def read(self, reference: Reference) -> Secret:
        """The secret at `reference`.

        Raises:
            SecretError: it cannot be had, or is nothing that a header can carry.
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
