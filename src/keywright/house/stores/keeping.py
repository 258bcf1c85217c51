"""The keeper of a gateway's secrets: opened by what the configuration says of their stores, and what is told of it."""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from keywright.config import Config
from keywright.house.blueprint import DOTENV, Blueprint
from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.keeper import Keeper
from keywright.vault.stores import SealedOpener, dotenv_path, kinds_of, open_vault
from keywright.vault.vault import Vault

ByCause: TypeAlias = Mapping[tuple[str, ...], int]
"""How many secrets, by their store and why they cannot be read."""

_log = logging.getLogger("keywright")


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


def warn(config: Config, base: Path) -> None:
    """Tell the operator what to put right about `.env` files: that beside the configuration, and those of its stores.
    Blocks on a disk.

    Raises:
        SecretError: a store is of no kind that there is.
    """
    named = (name for name, kind in kinds_of(config.secrets).items() if kind == "dotenv")
    paths = {base / DOTENV, *(dotenv_path(config.secrets.get(name), base, DOTENV) for name in named)}
    for path in sorted(paths):
        for warning in DotenvBackend(path).warnings():
            _log.warning("%s", warning)


def troubles_of(keeper: Keeper) -> tuple[ByCause, ByCause]:
    """Of how many secrets that cannot be read now the last good value counts, and of how many none."""
    stale: Counter[tuple[str, ...]] = Counter()
    missing: Counter[tuple[str, ...]] = Counter()
    for trouble in keeper.troubles():
        (stale if trouble.left_s else missing)[trouble.store, trouble.cause] += 1
    return stale, missing
