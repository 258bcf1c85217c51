"""The configuration: `keywright.toml`, or what the environment offers in its place, as one typed tree."""

from keywright.config.address import Address, parse_address
from keywright.config.discovery import discover, with_found
from keywright.config.file import load, parse
from keywright.config.template import TEMPLATE
from keywright.config.tree import (
    BudgetConfig,
    Config,
    CredentialConfig,
    FederationConfig,
    LimitConfig,
    ModelConfig,
    PriceConfig,
    PricesSource,
    ProjectConfig,
    ProviderConfig,
    Retry,
    RotationConfig,
    Server,
    Store,
    Timeouts,
)
from keywright.config.upstream import deadlines, reach, resolve_provider, settings_of

__all__ = [
    "TEMPLATE",
    "Address",
    "BudgetConfig",
    "Config",
    "CredentialConfig",
    "FederationConfig",
    "LimitConfig",
    "ModelConfig",
    "PriceConfig",
    "PricesSource",
    "ProjectConfig",
    "ProviderConfig",
    "Retry",
    "RotationConfig",
    "Server",
    "Store",
    "Timeouts",
    "deadlines",
    "discover",
    "load",
    "parse",
    "parse_address",
    "reach",
    "resolve_provider",
    "settings_of",
    "with_found",
]
