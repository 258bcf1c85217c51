"""The vault: from a reference to the secret, asked of its store each time."""

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Backend, accept, accept_document
from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.env import EnvBackend
from keywright.vault.backends.file import FileBackend, on_read_only_mount
from keywright.vault.reference import LOCAL, NO_STORES, Reference, Stores, parse

LOCAL_S: Final = 10.0
"""How long one question to this machine's keyring may take: it may ask a person."""


class Vault:
    """Resolves references by the stores it is given, each opened when it is first asked. It keeps no secret.

    Everything may block: call it off the event loop. Several threads may call at once.
    """

    def __init__(self, openers: Mapping[str, Callable[[], Backend]], stores: Stores = NO_STORES) -> None:
        self.stores = stores
        self._openers = openers
        self._opened: dict[str, Backend] = {}
        self._opening = Lock()

    def resolve(self, text: str) -> Secret:
        """The secret that the reference `text` names.

        Raises:
            SecretError: what stands in the way, with the reference and never with the value.
        """
        reference = parse(text, self.stores)
        return accept(reference, self.backend(reference).read(reference).secret)

    def document(self, text: str) -> Secret:
        """The secret of many lines, a credential file, that the reference `text` names.

        Raises:
            SecretError: what stands in the way, with the reference and never with the value.
        """
        reference = parse(text, self.stores)
        return accept_document(reference, self.backend(reference).read(reference).secret)

    def read_only(self, text: str) -> str:
        """Why nothing can be written at the reference `text`, as far as that is known without asking its store; "" if
        it may be tried.

        Raises:
            SecretError: it is no reference.
        """
        reference = parse(text, self.stores)
        try:
            return self.backend(reference).read_only(reference)
        except SecretError as error:
            return str(error)

    def is_here(self, text: str) -> bool:
        """Whether the reference `text` names a secret of this machine.

        Raises:
            SecretError: it is no reference.
        """
        return parse(text, self.stores).kind in LOCAL

    def backend(self, reference: Reference) -> Backend:
        """Who has it.

        Raises:
            SecretError: nobody, or it cannot be opened.
        """
        at = reference.at
        opened = self._opened.get(at)
        if opened is not None:
            return opened  # without waiting for another to be opened
        opener = self._openers.get(at)
        if opener is None:
            raise SecretError(f"{reference}: no store {at} can be used here")
        with self._opening:
            if at not in self._opened:
                self._opened[at] = opener()
            return self._opened[at]

    def close(self) -> None:
        """Close what was opened."""
        for backend in self._opened.values():
            backend.close()
        self._opened.clear()


def local_vault(environment: Mapping[str, str], dotenv_path: Path) -> Vault:
    """The vault of this machine alone: its environment, one `.env` file, files, and the keyring."""
    return Vault(
        {
            "env": lambda: EnvBackend(environment),
            "dotenv": lambda: DotenvBackend(dotenv_path),
            "file": lambda: FileBackend(on_read_only_mount),
            "keyring": lambda: _keyring(LOCAL_S),
        }
    )


def _keyring(timeout_s: float) -> Backend:
    from keywright.vault.backends.keyring import KeyringBackend  # noqa: PLC0415 - it wants an extra

    return KeyringBackend(timeout_s)
