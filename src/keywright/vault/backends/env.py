"""`env:NAME`: the environment of the process. It is read only: who started the process knows it better."""

from collections.abc import Mapping

from keywright.core.errors import SecretAbsentError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.reference import Reference


class EnvBackend:
    """Reads the mapping it is given, which is `os.environ` in a running gateway. Never changes it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def read(self, reference: Reference) -> Value:
        """The variable's value. Raises SecretError when it is not set, or empty."""
        text = self._environment.get(reference.name)
        if text is None:
            raise SecretAbsentError(f"{reference} is not set in the environment")
        return Value(held(reference, text))

    def write(self, reference: Reference, _: Secret) -> str:
        """Never. Raises SecretReadOnlyError."""
        raise SecretReadOnlyError(self.read_only(reference))

    def previous(self, reference: Reference) -> Value:
        """None. Raises SecretAbsentError."""
        raise SecretAbsentError(f"{reference} has no previous value")

    def forget(self, _: Reference) -> None:
        """Nothing: there is nothing."""

    def read_only(self, reference: Reference) -> str:
        """Always."""
        return (
            f"{reference} cannot be written: the environment belongs to whoever starts the gateway; move the secret to "
            "a store that can be written (keywright secret migrate)"
        )

    def names(self) -> tuple[Reference, ...]:
        """Never: which of all variables are secrets, nobody can know. Raises SecretReadOnlyError."""
        raise SecretReadOnlyError("the environment cannot be listed: which of its variables are secrets is not known")

    def close(self) -> None:
        """Nothing is open."""
