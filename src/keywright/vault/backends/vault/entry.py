"""An entry of a key-value engine: fields that are text."""

from collections.abc import Mapping

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import held
from keywright.vault.backends.vault.exchange import Asked
from keywright.vault.reference import Reference


def field_of(reference: Reference, data: Mapping[str, object]) -> Secret:
    """The field that `reference` names.

    Raises:
        SecretAbsentError: the entry has no such field.
        SecretError: it is not text, or empty.
    """
    value = data.get(reference.field)
    if value is None:
        raise SecretAbsentError(f"{reference}: the secret has no field {reference.field}")
    if not isinstance(value, str):
        raise SecretError(f"{reference}: the field {reference.field} is not text")
    return held(reference, value)


def is_field(data: Mapping[str, object], field: str, secret: Secret) -> bool:
    """Whether the entry's `field` is `secret`."""
    value = data.get(field)
    return isinstance(value, str) and bool(value) and Secret(value) == secret


def absent(asked: Asked) -> SecretAbsentError:
    """The failure of a question for an entry that is not there."""
    return SecretAbsentError(f"{asked.about}: there is no such secret")


def nothing_before(asked: Asked) -> SecretAbsentError:
    """The failure of a question for what was there before, when nothing was."""
    return SecretAbsentError(f"{asked.about} has no previous value")
