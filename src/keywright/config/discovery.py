"""Providers without a file: from the environment, from `.env`, and from local runtimes that were found."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from keywright.config.address import parse_address
from keywright.config.tree import Config, ProviderConfig
from keywright.config.upstream import resolve_provider
from keywright.core.errors import ConfigError, SecretError
from keywright.providers import PROVIDERS
from keywright.providers.provider import Provider
from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.file import FileBackend, on_read_only_mount
from keywright.vault.login import login_file
from keywright.vault.reference import Reference

_log = logging.getLogger("keywright.config")


def discover(environment: Mapping[str, str], dotenv_path: Path) -> dict[str, ProviderConfig]:
    """The built-in providers for which a key is set, in the inventory's order, their keys as references.

    The environment wins over the file `dotenv_path` (which need not exist), and a row's first variable over its
    others; so do the addresses, from the variables that the providers' own SDKs read.

    Raises:
        ConfigError: an address found is not one.
        SecretError: the `.env` file may not be read.
    """
    sources = {"env": environment, "dotenv": DotenvBackend(dotenv_path).values()}
    found = {}
    for row in PROVIDERS:
        key = _first(row.env, sources) or _left(row, environment)
        address = _address(row, sources)
        if key is not None and (address or row.base_url):
            found[row.name] = ProviderConfig(api_key=(key,), base_url=address)
    return found


def with_found(config: Config, found: Iterable[Provider]) -> Config:
    """`config` and the local runtimes `found`, but for those that it names already, by name or by address."""
    addresses = {resolve_provider(name, given).base_url for name, given in config.providers.items()}
    new = {
        row.name: ProviderConfig(base_url=row.base_url)
        for row in found
        if row.name not in config.providers and row.base_url not in addresses
    }
    return msgspec.structs.replace(config, providers={**config.providers, **new})


def _left(row: Provider, environment: Mapping[str, str]) -> str | None:
    """The reference of the key that the provider's own tool left on this machine. One that cannot be used is passed
    over with a warning: nobody has asked for it.
    """
    path = login_file(row.login_files, environment)
    if path is None:
        return None
    reference = Reference("file", str(path))
    try:
        FileBackend(on_read_only_mount).read(reference)
    except SecretError as error:
        _log.warning("%s is left out: %s", row.title, error)
        return None
    return str(reference)


def _first(variables: Iterable[str], sources: Mapping[str, Mapping[str, str]]) -> str | None:
    """The reference of the first variable that has a value, asking one source after the other."""
    for kind, values in sources.items():
        for variable in variables:
            if values.get(variable, "").strip():
                return f"{kind}:{variable}"
    return None


def _address(row: Provider, sources: Mapping[str, Mapping[str, str]]) -> str:
    """The address that the environment gives, "" for the row's own."""
    reference = _first((row.base_url_env,), sources) if row.base_url_env else None
    if reference is None:
        return ""
    kind, _, variable = reference.partition(":")
    url = sources[kind][variable].strip().rstrip("/")
    try:
        parse_address(url)
    except ValueError as error:
        raise ConfigError(f"{reference}: {error}") from None
    return url
