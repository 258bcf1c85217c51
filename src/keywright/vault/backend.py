"""What a backend of the vault is, and what every backend accepts as a secret."""

from typing import Final, Protocol

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.reference import Reference

SECRET_CHARACTERS_MAX: Final = 8192
DOCUMENT_CHARACTERS_MAX: Final = 65_536


class Value(Struct, frozen=True):
    """What was found. `version`: the store's own name of it, "" where it has none. `lease_s`: for how many seconds it
    may be used, where the store says so. `again_s`: after how many seconds the store wants to be asked again, whatever
    for, because our access to it runs out otherwise; None where it does not.
    """

    secret: Secret
    version: str = ""
    lease_s: float | None = None
    again_s: float | None = None


class Reader(Protocol):
    """What can be read; as of a `Backend`."""

    def read(self, reference: Reference) -> Value: ...


class Backend(Reader, Protocol):
    """One place where secrets are kept. Every method may block on a disk or a network, for as long as the place's
    time-out and no longer: call it off the event loop. Several threads may call at once.

    A message of an error names the reference and the cause, never a value or a part of one. What is told apart:
    `SecretAbsentError` there is no such secret (or version, or field); `SecretDeniedError` we may not read or write it;
    `SecretError` anything else: down, slow, sealed, throttled, malformed.
    """

    def read(self, reference: Reference) -> Value:
        """The secret at `reference`, as it is there now: nothing is cached here.

        Raises:
            SecretError: as above.
        """
        ...

    def write(self, reference: Reference, secret: Secret) -> str:
        """Let `secret` be what is read at `reference` from now on; the version that it got there ("" where there are
        none). What was there stays readable by `previous` until `forget`. A place that was empty is made.

        Writing what is there already changes nothing, makes no version, and `previous` stays what it was: a write whose
        answer was lost may be repeated.

        Where one entry has several fields, the others stay, also when two writers change one each at the same time.
        Vault's KV 1 cannot promise that of two processes: it has no write that depends on what was read.

        Raises:
            SecretReadOnlyError: this place cannot be written, or not by us; says what to do instead.
            SecretError: it was not written, or that is not known.
        """
        ...

    def previous(self, reference: Reference) -> Value:
        """What was there before the last `write`.

        Raises:
            SecretAbsentError: nothing, or it is forgotten.
        """
        ...

    def forget(self, reference: Reference) -> None:
        """Let what was there before the last `write` be readable no longer. Nothing happens when there is nothing.

        Raises:
            SecretError: it may still be there.
        """
        ...

    def read_only(self, reference: Reference) -> str:
        """Why nothing can be written at `reference`, and what to do instead, as far as that is known without asking; ""
        if it may be tried. Does not block.
        """
        ...

    def names(self) -> tuple[Reference, ...]:
        """The secrets that are here, as far as this place can be listed, without reading any; sorted.

        Raises:
            SecretReadOnlyError: this place cannot be listed.
        """
        ...

    def close(self) -> None:
        """Let go of connections. No method is called afterwards."""
        ...


def held(reference: Reference, text: str) -> Secret:
    """`text`, as it was found at `reference`.

    Raises:
        SecretError: it is empty.
    """
    if not text or text.isspace():
        raise SecretError(f"{reference} is empty")
    return Secret(text)


def accept(reference: Reference, secret: Secret) -> Secret:
    """`secret`, found at `reference`, if it is one word of visible ASCII, which is what every header can carry.

    Raises:
        SecretError: naming the reference and what is wrong, never the text.
    """
    text = secret.reveal()
    if text.isspace():
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
    return secret


def accept_document(reference: Reference, secret: Secret) -> Secret:
    """`secret`, found at `reference`, if it may be one of many lines: a credential file.

    Raises:
        SecretError: naming the reference and what is wrong, never the text.
    """
    text = secret.reveal()
    if text.isspace():
        raise SecretError(f"{reference} is empty")
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise SecretError(f"{reference} is longer than {DOCUMENT_CHARACTERS_MAX} characters")
    return secret
