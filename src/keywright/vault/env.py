"""`env:NAME`: the environment of the process."""

from collections.abc import Mapping

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Accept, accept
from keywright.vault.reference import Reference


class EnvBackend:
    """Reads the mapping it is given, which is `os.environ` in a running gateway. Never changes it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def read(self, reference: Reference, accept: Accept = accept) -> Secret:
        """The variable's value. Raises SecretError when it is not set or cannot be a key."""
        text = self._environment.get(reference.name)
        if text is None:
            raise SecretError(f"{reference} is not set in the environment")
        return accept(reference, text)
