"""The vault: from a reference to the secret."""

from collections.abc import Mapping
from pathlib import Path

from keywright.core.secret import Secret
from keywright.vault.backend import SecretBackend, accept, accept_document
from keywright.vault.dotenv import DotenvBackend
from keywright.vault.env import EnvBackend
from keywright.vault.file import FileBackend, on_read_only_mount
from keywright.vault.reference import ReferenceKind, parse


class Vault:
    """Resolves references by the backends it is given, one for each kind. It keeps no secret."""

    def __init__(self, backends: Mapping[ReferenceKind, SecretBackend]) -> None:
        self._backends = backends

    def resolve(self, text: str) -> Secret:
        """The secret that the reference `text` names. May block: call it off the event loop.

        Raises:
            SecretError: what stands in the way, with the reference and never with the value.
        """
        reference = parse(text)
        return self._backends[reference.kind].read(reference, accept)

    def document(self, text: str) -> Secret:
        """The secret of many lines, a credential file, that the reference `text` names. May block, as `resolve`.

        Raises:
            SecretError: what stands in the way, with the reference and never with the value.
        """
        reference = parse(text)
        return self._backends[reference.kind].read(reference, accept_document)


def local_vault(environment: Mapping[str, str], dotenv_path: Path) -> Vault:
    """The vault of this machine: its environment, one `.env` file, and files."""
    return Vault(
        {"env": EnvBackend(environment), "dotenv": DotenvBackend(dotenv_path), "file": FileBackend(on_read_only_mount)}
    )
