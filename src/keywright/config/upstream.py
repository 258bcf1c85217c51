"""From a provider's row and the operator's words to what the pipeline and the transport take."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

import msgspec

from keywright import providers
from keywright.config.address import parse_address
from keywright.config.tree import ProviderConfig, Timeouts
from keywright.core.errors import ConfigError
from keywright.core.http import Deadlines, Reach, is_label
from keywright.providers.provider import Provider, named_in

NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})


def settings_of(row: Provider, config: ProviderConfig, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of `row` that have a value and may stand in an address: the operator's, else the environment's, else
    the row's own.
    """
    found = {}
    for setting in row.settings:
        said = getattr(config, setting.name)
        if said is None:
            silent = setting.without_key and (config.api_key or config.credentials)
            variables = () if silent else (environment.get(variable, "").strip() for variable in setting.env)
            said = next(filter(None, variables), setting.default)
        if isinstance(said, str) and said:
            found[setting.name] = said
    return found


def resolve_provider(name: str, config: ProviderConfig, environment: Mapping[str, str] = NO_ENVIRONMENT) -> Provider:
    """The row of `config`'s kind under the operator's name, with the operator's address and headers.

    Raises:
        ConfigError: there is no such kind, or a setting that stands in its address is no part of a host's name.
    """
    kind = config.kind or name
    row = providers.find(kind)
    if row is None:
        raise ConfigError(f"providers.{name}: there is no kind {kind}")
    own = "" if config.base_url else _own_address(name, row, settings_of(row, config, environment))
    headers = dict(row.headers) | {header.lower(): value for header, value in config.headers.items()}
    return msgspec.structs.replace(
        row,
        name=name,
        title=row.title if name == row.name else name,
        base_url=config.base_url.rstrip("/") or own,
        headers=tuple(headers.items()),
    )


def _own_address(name: str, row: Provider, settings: Mapping[str, str]) -> str:
    """The row's address with its settings filled in; none of them, wherever it comes from, may make another host."""
    fitting = (url for setting, glob, url in row.base_urls if fnmatchcase(settings.get(setting, ""), glob))
    url = next(fitting, row.base_url)
    for setting in sorted(named_in(url)):
        if not is_label(settings.get(setting, "")):
            raise ConfigError(f"providers.{name}.{setting}: it stands in a host's name: letters, digits and '-' only")
    return url.format_map(settings)


def reach(name: str, config: ProviderConfig, environment: Mapping[str, str] = NO_ENVIRONMENT) -> Reach:
    """How the provider's server is reached. A private address is allowed for what the operator wrote, and for a row
    that is a runtime of this machine.

    Raises:
        ConfigError: there is no such kind, or its address is missing or wrong.
    """
    row = resolve_provider(name, config, environment)
    try:
        address = parse_address(row.base_url)
    except ValueError as error:
        raise ConfigError(f"providers.{name}.base_url: {error}") from None
    return Reach(
        origin=address.origin,
        ca_file=config.ca_file,
        proxy=config.proxy,
        private=bool(config.base_url) or row.found_on_port is not None,
        deadlines=deadlines(config.timeout_s),
        connections_max=config.connections_max,
    )


def deadlines(timeout: float | Timeouts) -> Deadlines:
    """`timeout_s` for the transport. A plain number limits the whole call, and with it every phase."""
    if isinstance(timeout, Timeouts):
        return Deadlines(
            connect_s=timeout.connect,
            first_byte_s=timeout.first_byte,
            idle_s=timeout.idle,
            total_s=timeout.total,
        )
    usual = Deadlines()
    return Deadlines(
        connect_s=min(usual.connect_s, timeout),
        first_byte_s=min(usual.first_byte_s, timeout),
        idle_s=min(usual.idle_s, timeout),
        total_s=timeout,
    )
