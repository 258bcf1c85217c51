"""The database's password, from where the configuration says it is kept."""

from contextlib import closing

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.house.blueprint import Blueprint
from keywright.house.stores.keeping import vault_of


def store_password(blueprint: Blueprint) -> Secret | None:
    """What `[store] password` refers to; None where it names nothing. May block on a disk.

    Raises:
        SecretError: it cannot be had.
    """
    reference = blueprint.config.store.password
    if reference is None:
        return None
    try:
        with closing(vault_of(blueprint.config, blueprint.environment, blueprint.base)) as vault:
            return vault.resolve(reference)
    except SecretError as error:
        raise SecretError(f"store.password: {error}") from None
