"""How a provider is called by what this workload is: from its configuration to a credential, and in words."""

from collections.abc import Mapping

from keywright.config import Config, FederationConfig, ProviderConfig
from keywright.config.federation import federation_fields
from keywright.core.errors import SecretError
from keywright.providers import find
from keywright.vault.federation import (
    PLATFORMS,
    VENDORS,
    FileProof,
    PlatformProof,
    Proof,
    SecretProof,
    endpoint,
    federated_credential,
)
from keywright.vault.fetch import Fetch, Where
from keywright.vault.home import home_path
from keywright.vault.keeper import Keeper
from keywright.vault.renewal import RenewingCredential


def origins(config: Config) -> dict[str, str]:
    """Where the credentials come from that have no key of their own but a federation, for people, by their names."""
    found = {}
    for name, given in config.providers.items():
        kind = given.kind or name
        if given.federation is not None:
            found[name] = _told(kind, given, given.federation)
        for table in given.credentials:
            if table.federation is not None:
                found[f"{name}/{table.name}"] = _told(kind, given, table.federation)
    return found


def federated(
    name: str,
    kind: str,
    config: ProviderConfig,
    given: FederationConfig,
    keeper: Keeper,
    environment: Mapping[str, str],
    fetch: Fetch,
) -> RenewingCredential:
    """The credential `name` of a provider of that kind, which `given` says how to have. Asks nobody yet."""
    fields, place = federation_fields(given), _place(kind, config, given)
    return federated_credential(name, VENDORS[kind], fields, place, _proof(given, keeper, environment), fetch)


def require_proof(name: str, given: FederationConfig, environment: Mapping[str, str]) -> None:
    """Return when a proof may be had here. May block on a disk, and asks nobody.

    Raises:
        SecretError: this is not the platform that is named.
    """
    platform = PLATFORMS.get(given.source or "")
    if platform is None:
        return
    try:
        platform.require(environment)
    except SecretError as error:
        raise SecretError(f"providers.{name}.federation.source: {error}") from None


def _told(kind: str, config: ProviderConfig, given: FederationConfig) -> str:
    url, _ = _place(kind, config, given)
    proof = given.token or (given.token_file and f"file:{given.token_file}") or f"{given.source} for {given.audience}"
    return f"no key: tokens of {url}, by a proof from {proof}"


def _place(kind: str, config: ProviderConfig, given: FederationConfig) -> tuple[str, Where]:
    base_url = "" if _is_own_address(kind, config.base_url) else config.base_url
    return endpoint(VENDORS[kind], base_url, given.token_url or "")


def _proof(given: FederationConfig, keeper: Keeper, environment: Mapping[str, str]) -> Proof:
    platform, reference = PLATFORMS.get(given.source or ""), given.token
    if platform is not None:
        return PlatformProof(platform, given.audience or "", environment)
    if reference is not None:
        return SecretProof(reference, lambda: keeper.secret(reference))
    return FileProof(home_path(environment, given.token_file or ""))


def _is_own_address(kind: str, base_url: str) -> bool:
    """Whether `base_url` is the address that the kind of provider has of its own."""
    row = find(kind)
    return row is not None and base_url.rstrip("/") == row.base_url
