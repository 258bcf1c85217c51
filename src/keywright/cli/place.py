"""Which configuration, and which store, a command acts on."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keywright.cli.errors import CommandError
from keywright.core.errors import ConfigError

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint
    from keywright.store.store import Store

FILE_NAME: Final = "keywright.toml"
CONFIG_VARIABLE: Final = "KEYWRIGHT_CONFIG"
URL_VARIABLE: Final = "KEYWRIGHT_URL"


def config_path(given: Path | None) -> Path | None:
    """The configuration file: the one `given`, else the environment's, else the one here, else None."""
    if given is not None:
        return given
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    here = Path(FILE_NAME)
    return here if here.exists() else None


def remote_url() -> str:
    """The address of the gateway that this shell's commands act on; "" for the local store."""
    return os.environ.get(URL_VARIABLE, "").strip()


def local_blueprint(given: Path | None) -> "Blueprint":
    """What the file says, or the defaults where there is none, without looking for providers.

    Raises:
        ConfigError: the file is wrong, or the gateway of this shell is a remote one.
    """
    from keywright.config import Config, load
    from keywright.house.blueprint import Blueprint

    if remote_url():
        raise ConfigError(
            f"this works on the gateway's own store and files, not over the network: unset {URL_VARIABLE}, and run it "
            "where they are"
        )
    path = config_path(given)
    config = Config() if path is None else load(path)
    return Blueprint(config, path, Path() if path is None else path.parent, os.environ)


def absent_store(blueprint: "Blueprint") -> Path | None:
    """The file of a store that is not there yet. None: it is there, or on a server."""
    from keywright.house.blueprint import store_url
    from keywright.store.address import parsed

    file = parsed(store_url(blueprint)).file
    return None if file is None or file.exists() else file


@asynccontextmanager
async def local_store(blueprint: "Blueprint", *, create: bool) -> "AsyncIterator[Store]":
    """The store of `blueprint`. One that is not there is made only if `create` says so.

    Raises:
        CommandError: there is no store yet.
        StoreError, SecretError: it cannot be opened.
    """
    from keywright.house.blueprint import store_url
    from keywright.house.password import store_password
    from keywright.store.store import Store

    absent = None if create else absent_store(blueprint)
    if absent is not None:
        raise CommandError(f"there is no store at {absent} yet: `keywright up` or `keywright key create` makes it")
    store = await Store.open(store_url(blueprint), store_password(blueprint))
    try:
        yield store
    finally:
        await store.close()
