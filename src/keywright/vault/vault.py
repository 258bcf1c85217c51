"""The vault: from a reference to the secret."""

from collections.abc import Mapping
from pathlib import Path

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Reader, accept, accept_document
from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.env import EnvBackend
from keywright.vault.backends.file import FileBackend, on_read_only_mount
from keywright.vault.reference import NO_STORES, Reference, Stores, parse


class Vault:
    """Resolves references by the backends it is given, by the names of their stores. It keeps no secret."""

    def __init__(self, backends: Mapping[str, Reader], stores: Stores = NO_STORES) -> None:
        self._backends = backends
        self._stores = stores

    def resolve(self, text: str) -> Secret:
        """The secret that the reference `text` names. May block: call it off the event loop.

        Raises:
            SecretError: what stands in the way, with the reference and never with the value.
        """
        reference = parse(text, self._stores)
        return accept(reference, self._reader(reference).read(reference).secret)

    def document(self, text: str) -> Secret:
        """The secret of many lines, a credential file, that the reference `text` names. May block, as `resolve`.

        Raises:
            SecretError: what stands in the way, with the reference and never with the value.
        """
        reference = parse(text, self._stores)
        return accept_document(reference, self._reader(reference).read(reference).secret)

    def _reader(self, reference: Reference) -> Reader:
        backend = self._backends.get(reference.at)
        if backend is None:
            raise SecretError(f"{reference}: there is no store {reference.at} here")
        return backend


def local_vault(environment: Mapping[str, str], dotenv_path: Path) -> Vault:
    """The vault of this machine: its environment, one `.env` file, and files."""
    return Vault(
        {"env": EnvBackend(environment), "dotenv": DotenvBackend(dotenv_path), "file": FileBackend(on_read_only_mount)}
    )
