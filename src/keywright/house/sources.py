"""From the configuration to what the pipeline routes to: providers with their credentials, aliases, prices."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from msgspec.structs import replace

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.price import Price
from keywright.catalog.quote import own_price
from keywright.catalog.snapshot import Snapshot, bundled
from keywright.config import Config, CredentialConfig, PriceConfig, ProviderConfig, reach, resolve_provider, settings_of
from keywright.config.upstream import NO_ENVIRONMENT
from keywright.core.errors import ConfigError, ConnectFailedError, SecretError
from keywright.house.custody.credentials import AnyCredential, Named
from keywright.pipeline.routes import Breaker, Routes, Source
from keywright.providers.provider import GoogleOAuth, Provider
from keywright.transport.gauge import Gauge
from keywright.transport.tls import TlsContexts
from keywright.vault.held import HeldCredential

OWN_NAMES: Final = {"per_request": "request"}
"""Where the file says a price otherwise than the catalogue."""


def build_routes(
    config: Config,
    credentials: "CredentialSource",
    breakers: "Breakers",
    listed: Mapping[str, tuple[str, ...]],
    base: Path = Path(),
    environment: Mapping[str, str] = NO_ENVIRONMENT,
    snapshot: Snapshot | None = None,
) -> Routes:
    """Every source and alias that `config` names. Relative paths in it start at `base`. `snapshot`: the price list that
    counts, None for the release's own.

    Raises:
        ConfigError: a price or an address is wrong.
        SecretError: a key cannot be had.
    """
    sources = [
        source
        for name, provider in config.providers.items()
        for source in _sources(name, _at(base, provider), credentials, breakers, listed.get(name, ()), environment)
    ]
    aliases = {name: model.route for name, model in config.models.items()}
    return Routes(sources, aliases, Catalogue(snapshot or bundled(), own_prices(config.prices)))


class CredentialSource(Protocol):
    """Who has the credentials of providers; see `Credentials`."""

    def of(self, name: str, row: Provider, config: ProviderConfig, settings: Mapping[str, str]) -> list[Named]: ...
    def project(self, config: ProviderConfig) -> str: ...


class Breakers:
    """One breaker and one gauge for each credential, kept when the configuration is read again."""

    def __init__(self, make: Callable[[], Breaker]) -> None:
        self._make = make
        self._made: dict[tuple[str, str], Breaker] = {}
        self._gauges: dict[tuple[str, str], Gauge] = {}

    def reset(self, name: str) -> None:
        """The credential of that name has another key: what was known of it does not count."""
        for (known, _), breaker in self._made.items():
            if known == name:
                breaker.reset()
        for (known, _), gauge in self._gauges.items():
            if known == name:
                gauge.reset()

    def of(self, name: str, mark: str) -> Breaker:
        """The breaker of the credential of that name; of another one of the same name by another `mark`."""
        return self._made.setdefault((name, mark), self._make())

    def gauge(self, name: str, mark: str) -> Gauge:
        """The gauge of the same credential."""
        return self._gauges.setdefault((name, mark), Gauge())


def _at(base: Path, config: ProviderConfig) -> ProviderConfig:
    """`config` with a path that can be read from anywhere."""
    return config if config.ca_file is None else replace(config, ca_file=os.fspath(base / config.ca_file))


def _require_trust(name: str, config: ProviderConfig) -> None:
    """Return when the certificates to trust can be read: not each call is to find out that they cannot.

    Raises:
        ConfigError: they cannot.
    """
    if config.ca_file is None:
        return
    try:
        TlsContexts().context(config.ca_file)
    except ConnectFailedError as error:
        raise ConfigError(f"providers.{name}: {error}") from None


def _sources(
    name: str,
    config: ProviderConfig,
    credentials: "CredentialSource",
    breakers: Breakers,
    listed: tuple[str, ...],
    environment: Mapping[str, str],
) -> list[Source]:
    row = resolve_provider(name, config, environment)
    _require_trust(name, config)
    settings = settings_of(row, config, environment)
    if (
        isinstance(row.identity, GoogleOAuth)
        and not (config.api_key or config.credentials)
        and "project" not in settings
    ):
        settings["project"] = _project(name, config, credentials)
    written = credentials.of(name, row, config, settings)
    sources = [
        Source(
            name=name,
            row=row,
            reach=reach(name, config, environment),
            base_path=urlsplit(row.base_url).path.rstrip("/"),
            credential=named.credential,
            breaker=breakers.of(named.name, _mark(named.credential)),
            serves=config.models,
            listed=listed,
            fee_bp=row.byok_fee_bp if config.byok else 0,
            settings=settings,
            deployments=config.deployments,
            credential_name=named.name,
            gauge=breakers.gauge(named.name, _mark(named.credential)),
        )
        for named in written
    ]
    return _beside_each_other([_by_table(one, named.config) for one, named in zip(sources, written, strict=True)])


def _by_table(source: Source, table: CredentialConfig | None) -> Source:
    """`source` as the table of its credential says, if there is one."""
    if table is None:
        return source
    return replace(
        source,
        weight=table.weight,
        models=table.models,
        project=table.project or "",
        tags=tuple(table.tags.items()),
        disabled=table.disabled,
    )


def _beside_each_other(sources: list[Source]) -> list[Source]:
    """`sources` of one provider, each knowing whether another could take its calls."""
    count = Counter(source.project for source in sources if not source.disabled)
    return [replace(source, has_siblings=True) if count[source.project] > 1 else source for source in sources]


def _mark(credential: AnyCredential) -> str:
    """What tells a credential from another one of the same name: one whose key may change stays the same."""
    return "" if isinstance(credential, HeldCredential) else credential.fingerprint


def _project(name: str, config: ProviderConfig, credentials: "CredentialSource") -> str:
    """The project of the workload's own identity.

    Raises:
        ConfigError: it names none, or cannot be had.
    """
    try:
        project = credentials.project(config)
    except SecretError as error:
        raise ConfigError(f"providers.{name}: {error}") from None
    if not project:
        raise ConfigError(f"providers.{name}.project: without a key every call names a project; write project")
    return project


def own_prices(rows: tuple[PriceConfig, ...]) -> dict[str, Price]:
    """The operator's own prices, by `provider/model`.

    Raises:
        ConfigError: one is wrong.
    """
    own = {}
    for row in rows:
        quoted = {
            OWN_NAMES.get(field, field): f"{amount:f}"
            for field in row.__struct_fields__
            if field != "model" and (amount := getattr(row, field)) is not None
        }
        try:
            own[row.model] = own_price(row.model, quoted)
        except ValueError as error:
            raise ConfigError(f"prices: {row.model}: {error}") from None
    return own
