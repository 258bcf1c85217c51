"""The keeper of a gateway's secrets: opened by what the configuration says of their stores."""

from collections.abc import Mapping
from pathlib import Path

from keywright.config import Config
from keywright.house.blueprint import DOTENV, Blueprint
from keywright.vault.keeper import Keeper
from keywright.vault.stores import SealedOpener, open_vault
from keywright.vault.vault import Vault


def vault_of(config: Config, environment: Mapping[str, str], base: Path, sealed: SealedOpener | None = None) -> Vault:
    """The vault that `config` describes. Relative paths in it start at `base`. `sealed`: how the sealed store is
    opened, None where there is no database.

    Raises:
        SecretError: a store is of no kind that there is.
    """
    return open_vault(config.secrets, environment, base, DOTENV, sealed)


def keeper_of(blueprint: Blueprint, sealed: SealedOpener | None = None) -> Keeper:
    """The keeper over the vault of a blueprint, which knows no secret yet.

    Raises:
        SecretError: a store is of no kind that there is.
    """
    vault = vault_of(blueprint.config, blueprint.environment, blueprint.base, sealed)
    return Keeper(vault, blueprint.config.secrets, blueprint.clock, blueprint.redactor)
