"""`keywright config`: whether a configuration is right, its secrets included."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli.homes import homes, told_homes
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import config_path
from keywright.cli.screen import console, emit_json, show_table
from keywright.cli.secret_stores import opened_keeper
from keywright.core.errors import ConfigError, SecretError, StoreError
from keywright.core.json import JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keywright.config import Config
    from keywright.config.faults import Faults
    from keywright.house.custody.credentials import Credentials
    from keywright.vault.keeper import Keeper

EXAMPLE: Final = "Example: keywright config check /etc/keywright/keywright.toml"


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="config", help="Check a configuration.", callback=_group)
    app.command("check", epilog=EXAMPLE)(check)
    return app


def _group() -> None:
    """Check a configuration."""


def check(
    file: Annotated[Path | None, typer.Argument(help="The file (else as --config).", show_default=False)] = None,
    *,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Say whether a configuration is right, and whether every secret it names can be had."""
    from keywright.config import load

    path = config_path(file or config)
    if path is None:
        raise ConfigError("there is no keywright.toml here: `keywright init` writes one")
    read = load(path)
    _require_usable(path, read)
    if json:
        emit_json(_facts(path, read))
        return
    providers = [(name, _kind(read, name), told_homes(given) or "-") for name, given in read.providers.items()]
    if providers:
        show_table(("provider", "kind", "key"), providers)
    if read.models:
        show_table(("alias", "route"), ((name, " → ".join(model.route)) for name, model in read.models.items()))
    if not providers:
        console().print("no provider is configured: nothing can be answered yet")
    console().print(f"{path}: ok")


def _require_usable(path: Path, config: "Config") -> None:
    """Return when this version can run `config` and has a key for each provider.

    Raises:
        ConfigError: every fault, each on a line, as `FILE:LINE: KEY: MESSAGE`.
        SecretError: a key is not of the form that its provider's header takes.
    """
    from keywright.config.document import read_document
    from keywright.config.faults import Faults
    from keywright.store.address import parsed

    name = str(path)
    faults = Faults(read_document(path.read_text(encoding="utf-8"), name), name)
    try:
        parsed(config.store.url)
    except StoreError as error:
        faults.add(("store", "url"), str(error))
    asyncio.run(_require_secrets(path, config, faults))


async def _require_secrets(path: Path, config: "Config", faults: "Faults") -> None:
    """Return when there is a key for each provider, and the gateway could route by them. Raises as of the above, with
    `faults`.
    """
    from keywright.house.blueprint import Blueprint

    async with opened_keeper(Blueprint(config, path, path.parent, os.environ)) as keeper:
        credentials = _credentials(keeper)
        await keeper.learn(*credentials.wanted(config))
        for where, references in _keys(config):
            why = [_trouble(keeper, reference) for reference in references]
            if why and all(why):
                faults.add(where, "; ".join(why))
        faults.raise_if_any()
        _require_routes(path, config, credentials)


def _keys(config: "Config") -> "Iterator[tuple[tuple[str | int, ...], tuple[str, ...]]]":
    """Each credential's references, and where they stand."""
    for name, given in config.providers.items():
        yield ("providers", name, "api_key"), given.api_key
        for index, table in enumerate(given.credentials):
            yield ("providers", name, "credentials", index, "api_key"), table.api_key


def _trouble(keeper: "Keeper", reference: str) -> str:
    """Why the secret cannot be had, "" when it can."""
    try:
        keeper.value(reference)
    except SecretError as error:
        return str(error)
    return ""


def _credentials(keeper: "Keeper") -> "Credentials":
    """What credentials are made by. Nobody is asked: a token is had when a request needs it."""
    from keywright.core.clock import SYSTEM_CLOCK
    from keywright.guard.address import is_public
    from keywright.house.custody.credentials import Credentials
    from keywright.transport.pool import Pool

    return Credentials(keeper, os.environ, Pool(allowed=is_public, environment=os.environ), SYSTEM_CLOCK)


def _require_routes(path: Path, config: "Config", credentials: "Credentials") -> None:
    """Return when the gateway could route by `config`. Raises ConfigError or SecretError."""
    from keywright.house.sources import Breakers, build_routes
    from keywright.transport.breaker import Breaker, BreakerSettings

    breakers = Breakers(lambda: Breaker(BreakerSettings()))
    try:
        build_routes(config, credentials, breakers, {}, path.parent, os.environ)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _facts(path: Path, config: "Config") -> JsonObject:
    return {
        "ok": True,
        "file": str(path.resolve()),
        "providers": [
            {"name": name, "kind": _kind(config, name), "keys": list(homes(given))}
            for name, given in config.providers.items()
        ],
        "models": [{"name": name, "route": list(model.route)} for name, model in config.models.items()],
    }


def _kind(config: "Config", name: str) -> str:
    return config.providers[name].kind or name
