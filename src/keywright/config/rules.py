"""What the types of the tree cannot say: names, addresses, references, headers, routes and prices."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from keywright import providers
from keywright.catalog.publickey import is_public_key
from keywright.config.address import parse_address
from keywright.config.credentials import check_credentials
from keywright.config.document import Path
from keywright.config.faults import Faults, nearest
from keywright.config.federation import check_federation
from keywright.config.policy import check_policy
from keywright.config.rotation import check_rotation
from keywright.config.secrets import check_secrets, stores_of
from keywright.config.tree import (
    Config,
    FederationConfig,
    ModelConfig,
    PriceConfig,
    PricesSource,
    ProviderConfig,
    Store,
)
from keywright.core.errors import SecretError
from keywright.providers.provider import HeaderKey, Provider
from keywright.vault import reference
from keywright.vault.reference import NO_STORES, Stores

NAME_CHARACTERS_MAX: Final = 64
SETTINGS: Final = tuple(dict.fromkeys(setting.name for row in providers.PROVIDERS for setting in row.settings))
"""The settings that only some kinds know."""
HEADER_VALUE_CHARACTERS_MAX: Final = 4096
FINGERPRINT_CHARACTERS: Final = 12
PRICE_MAX: Final = 10**9
PRICE_DECIMALS_MAX: Final = 12

_NAME: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
_ALIAS: Final = _NAME | frozenset(":@+")
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_TOKEN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")
_DATABASES: Final = ("sqlite", "postgresql")

_CONNECTION_HEADERS: Final = frozenset(
    ("host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection")
)
_BODY_HEADERS: Final = frozenset(
    ("content-length", "content-type", "content-encoding", "accept", "accept-encoding", "expect")
)
_CREDENTIAL_HEADERS: Final = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-goog-api-key")
)
_CREDENTIAL_ENDINGS: Final = ("-key", "-token", "-secret", "-auth", "-authorization")


def check(config: Config, named: Collection[str], faults: Faults) -> None:
    """Note in `faults` everything in `config` that cannot be right.

    `named`: the providers that the file names, those too whose tables could not be read.
    """
    stores = stores_of(config.secrets)
    check_secrets(config.secrets, faults)
    _check_store(config.store, faults)
    if (config.server.tls_certificate is None) != (config.server.tls_key is None):
        faults.add(("server",), "tls_certificate and tls_key are needed together, or neither")
    for name, provider in config.providers.items():
        _check_provider(name, provider, stores, faults)
    # Without a table of providers they come from the environment: any that is built in may be meant.
    known = named or {row.name for row in providers.PROVIDERS}
    for alias, model in config.models.items():
        _check_alias(alias, model, known, faults)
    _check_prices(config.prices, known, faults)
    _check_prices_source(config.prices_source, faults)
    check_policy(config, faults)


def _check_store(store: Store, faults: Faults) -> None:
    path: Path = ("store", "url")
    try:
        parts = urlsplit(store.url)
    except ValueError:
        faults.add(path, "not a valid URL")
        return
    if parts.scheme not in _DATABASES:
        faults.add(path, "expected sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    if parts.password is not None or "password=" in parts.query.lower():
        faults.add(path, 'a password may not stand in this file; write password = "env:KEYWRIGHT_STORE_PASSWORD"')
    if store.password is not None:
        _check_reference(store.password, "KEYWRIGHT_STORE_PASSWORD", NO_STORES, ("store", "password"), faults)


def _check_provider(name: str, config: ProviderConfig, stores: Stores, faults: Faults) -> None:
    path: Path = ("providers", name)
    if not _is_name(name, _NAME):
        faults.add(path, f"a provider's name has 1 to {NAME_CHARACTERS_MAX} letters, digits, '-', '_' or '.'")
    row = providers.find(config.kind or name)
    if row is None:
        _add_unknown_kind(config, path, faults)
    else:
        _check_against_row(config, row, stores, path, faults)
    for at, text in _items((*path, "api_key"), config.api_key):
        _check_reference(text, _usual_variable(name, row), stores, at, faults)
    for index, table in enumerate(config.credentials):
        table_path: Path = (*path, "credentials", index)
        for at, text in _items((*table_path, "api_key"), table.api_key):
            _check_reference(text, _usual_variable(name, row), stores, at, faults)
        _check_token(table.federation, stores, (*table_path, "federation"), faults)
    _check_token(config.federation, stores, (*path, "federation"), faults)
    check_credentials(config, path, faults)
    check_federation(config.kind or name, config, path, faults)
    if config.admin_key is not None:
        variable = _usual_variable(name, row).removesuffix("_API_KEY") + "_ADMIN_KEY"
        _check_reference(config.admin_key, variable, stores, (*path, "admin_key"), faults)
    for key_id, fingerprint in config.key_ids.items():
        if len(fingerprint) != FINGERPRINT_CHARACTERS or not _HEXADECIMAL.issuperset(fingerprint):
            faults.add(
                (*path, "key_ids", key_id),
                f"expected the {FINGERPRINT_CHARACTERS} digits that `keywright usage --by credential` shows",
            )
    if config.base_url:
        _check_address(config.base_url, (*path, "base_url"), faults)
    if config.proxy:
        _check_proxy(config.proxy, (*path, "proxy"), faults)
    check_rotation(config, path, faults)
    _check_headers(config.headers, row, (*path, "headers"), faults)


def _check_token(federation: FederationConfig | None, stores: Stores, path: Path, faults: Faults) -> None:
    if federation is not None and federation.token is not None:
        _check_reference(federation.token, "WORKLOAD_TOKEN", stores, (*path, "token"), faults)


def _add_unknown_kind(config: ProviderConfig, path: Path, faults: Faults) -> None:
    kinds = [row.name for row in providers.PROVIDERS]
    if config.kind:
        faults.add((*path, "kind"), f"no such kind; {nearest(config.kind, kinds)}")
    else:
        faults.add(path, f"not a built-in provider, so it needs a kind; {nearest(str(path[-1]), kinds)}")


def _check_against_row(config: ProviderConfig, row: Provider, stores: Stores, path: Path, faults: Faults) -> None:
    if not config.base_url and not row.base_url:
        faults.add(path, "base_url is missing: this kind has no address of its own")
    has_keys = config.api_key or config.credentials or config.federation
    if not (has_keys or row.key_optional or row.identity or row.login_files):
        faults.add(path, f'api_key is missing: write api_key = "env:{row.env[0]}"')
    _check_settings(config, row, stores, path, faults)


def _check_settings(config: ProviderConfig, row: Provider, stores: Stores, path: Path, faults: Faults) -> None:
    """The settings that only some kinds know, and those that exclude each other."""
    known = {setting.name for setting in row.settings}
    usual = ProviderConfig()
    for setting in SETTINGS:
        if setting not in known and getattr(config, setting) != getattr(usual, setting):
            takes = f"it takes {', '.join(sorted(known))}" if known else "it has no settings of its own"
            faults.add((*path, setting), f"this kind does not know it; {takes}")
    for setting in ("project", "location", "region", "api_version"):
        value = getattr(config, setting)
        if value is not None and not _is_name(value, _NAME):
            faults.add((*path, setting), "expected letters, digits, '-', '_' and '.'")
    for setting in sorted(known & {"entra", "service_account", "profile", "role_arn", "mint_short_term_keys"}):
        if (config.api_key or config.credentials) and getattr(config, setting):
            faults.add((*path, setting), "it is another way to sign in than api_key: write one of them")
    if config.service_account is not None:
        _check_reference(config.service_account, "VERTEX_SERVICE_ACCOUNT", stores, (*path, "service_account"), faults)
    for model, deployment in config.deployments.items():
        if not _is_name(deployment, _NAME):
            faults.add((*path, "deployments", model), "a deployment's name has letters, digits, '-', '_' and '.'")


def _check_reference(text: str, variable: str, stores: Stores, path: Path, faults: Faults) -> None:
    if not reference.is_reference(text, stores):
        faults.add(path, f'a secret may not stand in this file; set {variable} and write "env:{variable}" here')
        return
    try:
        reference.parse(text, stores)
    except SecretError as error:
        faults.add(path, str(error))


def _check_address(url: str, path: Path, faults: Faults) -> None:
    try:
        parse_address(url)
    except ValueError as error:
        faults.add(path, str(error))


def _check_proxy(url: str, path: Path, faults: Faults) -> None:
    try:
        address = parse_address(url)
    except ValueError as error:
        faults.add(path, f"{error} (for a proxy with a password leave proxy out and set HTTPS_PROXY)")
        return
    if address.origin.scheme != "http" or address.path:
        faults.add(path, "expected http://HOST:PORT")


def _check_headers(headers: Mapping[str, str], row: Provider | None, path: Path, faults: Faults) -> None:
    own = {row.credential.name} if row and isinstance(row.credential, HeaderKey) else set()
    seen: set[str] = set()
    for written, value in headers.items():
        name, at = written.lower(), (*path, written)
        if not name or not _TOKEN.issuperset(name):
            faults.add(at, "not a header's name")
        elif name in _CONNECTION_HEADERS or name in _BODY_HEADERS:
            faults.add(at, "the gateway sets this header itself")
        elif name in _CREDENTIAL_HEADERS or name in own or name.endswith(_CREDENTIAL_ENDINGS):
            faults.add(at, "a header that carries a credential may not stand here; use api_key")
        if name in seen:
            faults.add(at, "given twice")
        seen.add(name)
        if not value.isascii() or not value.isprintable() or value != value.strip():
            faults.add(at, "a header's value is printable ASCII without white space around it")
        if len(value) > HEADER_VALUE_CHARACTERS_MAX:
            faults.add(at, f"longer than {HEADER_VALUE_CHARACTERS_MAX} characters")


def _check_alias(alias: str, model: ModelConfig, known: Collection[str], faults: Faults) -> None:
    path: Path = ("models", alias)
    if not _is_name(alias, _ALIAS):
        faults.add(path, f"an alias has 1 to {NAME_CHARACTERS_MAX} letters, digits or -._:@+ and no slash")
    for at, candidate in _items((*path, "route"), model.route):
        _check_model(candidate, known, at, faults)


def _check_model(text: str, known: Collection[str], path: Path, faults: Faults) -> None:
    """`text` is to be `provider/model`; an alias may not stand here, so no cycle can be written."""
    provider, slash, model = text.partition("/")
    if not slash or not provider or not model or not text.isascii() or not text.isprintable() or " " in text:
        faults.add(path, "expected provider/model, not an alias or a bare name")
    elif provider not in known:
        faults.add(path, f"no provider of that name is configured; {nearest(provider, known)}")


def _check_prices(prices: tuple[PriceConfig, ...], known: Collection[str], faults: Faults) -> None:
    seen: set[str] = set()
    for index, price in enumerate(prices):
        path: Path = ("prices", index)
        _check_model(price.model, known, (*path, "model"), faults)
        if price.model in seen:
            faults.add((*path, "model"), "priced twice")
        seen.add(price.model)
        amounts = {field: getattr(price, field) for field in price.__struct_fields__ if field != "model"}
        if all(amount is None for amount in amounts.values()):
            faults.add(path, f"has no price; known are {', '.join(amounts)}")
        for field, amount in amounts.items():
            if amount is None:
                continue
            exponent = amount.as_tuple().exponent
            if not isinstance(exponent, int) or not 0 <= amount <= PRICE_MAX or -exponent > PRICE_DECIMALS_MAX:
                faults.add(
                    (*path, field),
                    f'expected US dollars from "0" to "{PRICE_MAX}" with at most {PRICE_DECIMALS_MAX} decimals',
                )


def _check_prices_source(source: PricesSource, faults: Faults) -> None:
    path: Path = ("prices_source",)
    if source.url:
        _check_address(source.url, (*path, "url"), faults)
    if source.public_key is not None and not is_public_key(source.public_key):
        faults.add((*path, "public_key"), "expected ed25519: and 32 bytes in base64, as `keywright prices sign` says")
    if source.proxy:
        _check_proxy(source.proxy, (*path, "proxy"), faults)


def _usual_variable(name: str, row: Provider | None) -> str:
    """The environment variable in which people keep the key of that provider."""
    if row is not None and row.env:
        return row.env[0]
    variable = "".join(character if character.isalnum() else "_" for character in name).upper() + "_API_KEY"
    return variable if reference.is_variable(variable) else "API_KEY"


def _items(path: Path, values: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Each of `values` with its path: its position is told only where there are several."""
    for index, value in enumerate(values):
        yield (path if len(values) == 1 else (*path, index)), value


def _is_name(name: str, characters: frozenset[str]) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and characters.issuperset(name)
