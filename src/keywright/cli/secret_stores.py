"""The stores of secrets that a command works with: those of the configuration at hand, opened and closed again."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from keywright.cli.place import absent_store, local_blueprint, local_store
from keywright.core.errors import SecretError, StoreError

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint
    from keywright.house.secrets.secrets import Secrets
    from keywright.store.store import Store
    from keywright.vault.keeper import Keeper
    from keywright.vault.stores import SealedOpener
    from keywright.vault.vault import Vault

WITHIN_S: Final = 600.0
"""All that a command asks of stores is answered by then: somebody watches it."""


@asynccontextmanager
async def opened_secrets(config: Path | None, writes: str = "") -> "AsyncIterator[tuple[Secrets, Vault]]":
    """The secrets of the configuration, and their vault, which is closed at the end.

    `writes`: the reference that is to be written. Only for a sealed one is a database made that is not there yet. One
    that cannot be opened is in the way of sealed secrets only.

    Raises:
        ConfigError: the configuration is wrong, or the gateway of this shell is a remote one.
        SecretError, StoreError: a database that is to be written cannot be opened.
    """
    from keywright.house.secrets.questions import Questions
    from keywright.house.secrets.reading import Holdings
    from keywright.house.secrets.secrets import Secrets
    from keywright.house.stores.keeping import vault_of
    from keywright.vault.stores import kinds_of

    blueprint = _with_found(local_blueprint(config))
    given, at = blueprint.config.secrets, writes.partition(":")[0]
    create = kinds_of(given).get(at) == "sealed" and bool(given.get(at))
    async with contextlib.AsyncExitStack() as stack:
        store, trouble = await _store(blueprint, stack, create=create)
        vault = vault_of(blueprint.config, os.environ, blueprint.base, _opener(blueprint, store, trouble))
        stack.push_async_callback(asyncio.to_thread, vault.close)
        questions = Questions(WITHIN_S)
        stack.callback(questions.close)
        holdings = Holdings(blueprint.config, vault, _places(blueprint, vault))
        yield Secrets(holdings, blueprint, None if store is None else store.database, questions), vault


@asynccontextmanager
async def opened_keeper(blueprint: "Blueprint") -> "AsyncIterator[Keeper]":
    """The keeper of the secrets of `blueprint`, which knows none yet; closed at the end. The database is opened only
    where there is a sealed store, and is never made.

    Raises:
        SecretError: a store is of no kind that there is.
    """
    from keywright.house.stores.keeping import keeper_of
    from keywright.vault.stores import kinds_of

    kinds = kinds_of(blueprint.config.secrets)
    async with contextlib.AsyncExitStack() as stack:
        is_sealed = any(kinds[name] == "sealed" for name in blueprint.config.secrets)
        store, trouble = await _store(blueprint, stack, create=False) if is_sealed else (None, "")
        keeper = keeper_of(blueprint, _opener(blueprint, store, trouble))
        stack.push_async_callback(keeper.close)
        yield keeper


async def _store(
    blueprint: "Blueprint", stack: contextlib.AsyncExitStack, *, create: bool
) -> "tuple[Store | None, str]":
    """The database, closed with `stack`; None where there is none, or it cannot be opened, and why not."""
    try:
        if create or absent_store(blueprint) is None:
            return await stack.enter_async_context(local_store(blueprint, create=create)), ""
    except (SecretError, StoreError) as error:
        if create:
            raise
        return None, str(error)
    return None, ""


def _opener(blueprint: "Blueprint", store: "Store | None", trouble: str) -> "SealedOpener":
    from keywright.house.stores.sealing import bare_opener, sealed_opener

    if store is None:
        return bare_opener(blueprint.config.secrets, os.environ, trouble)
    return sealed_opener(store.database, blueprint.config.secrets, os.environ, blueprint.clock)


def _with_found(blueprint: "Blueprint") -> "Blueprint":
    """`blueprint`; without a file with the providers whose keys are in the environment."""
    from keywright.config import Config, discover
    from keywright.house.blueprint import DOTENV

    if blueprint.config_path is not None:
        return blueprint
    found = discover(os.environ, blueprint.base / DOTENV)
    return replace(blueprint, config=Config(providers=found))


def _places(blueprint: "Blueprint", vault: "Vault") -> dict[str, tuple[str, ...]]:
    """The references of credentials, also of keys that are found where a provider's own tools look for them."""
    from keywright.guard.address import is_public
    from keywright.house.custody.credentials import Credentials
    from keywright.transport.pool import Pool
    from keywright.vault.keeper import Keeper

    keeper = Keeper(vault, blueprint.config.secrets, blueprint.clock)
    pool = Pool(environment=os.environ, allowed=is_public)
    return Credentials(keeper, os.environ, pool, blueprint.clock).places(blueprint.config)
