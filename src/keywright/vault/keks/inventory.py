"""Which kinds of key encryption keys there are: how each is written in `kek`, and how it is opened.

file:/path
keyring:service/name
aws-kms://KEY              KEY: an id, an ARN, or alias/NAME
gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K
azure-key://VAULT/KEY      or azure-key://VAULT/KEY/VERSION
vault-transit://MOUNT/KEY
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_bytes
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, assert_never, get_args

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.file import on_read_only_mount
from keywright.vault.kek import Kek
from keywright.vault.keks.file import file_kek
from keywright.vault.keks.keyring import keyring_kek
from keywright.vault.settings import StoreSettings

KekKind: TypeAlias = Literal["file", "keyring", "aws-kms", "gcp-kms", "azure-key", "vault-transit"]

KEK_KINDS: Final[tuple[KekKind, ...]] = get_args(KekKind)

_SHAPES: Final[Mapping[KekKind, tuple[str, re.Pattern[str], str]]] = MappingProxyType(
    {
        "file": (":", re.compile(r"/.+"), "file:/etc/keywright/kek, an absolute path"),
        "keyring": (":", re.compile(r"[^/]+/.+"), "keyring:service/name"),
        "aws-kms": ("://", re.compile(r"[A-Za-z0-9:/_-]+"), "aws-kms://KEY, by its id, its ARN, or alias/NAME"),
        "gcp-kms": (
            "://",
            re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+"),
            "gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K",
        ),
        "azure-key": (
            "://",
            re.compile(r"[A-Za-z0-9.-]+/[A-Za-z0-9-]+(/[A-Za-z0-9]+)?"),
            "azure-key://VAULT/KEY or azure-key://VAULT/KEY/VERSION",
        ),
        "vault-transit": ("://", re.compile(r"[^/]+(/[^/]+)+"), "vault-transit://MOUNT/KEY"),
    }
)
_STORES: Final[Mapping[KekKind, str]] = MappingProxyType(
    {"aws-kms": "aws-sm", "gcp-kms": "gcp-sm", "azure-key": "azure-kv", "vault-transit": "vault"}
)
"""The table `[secrets.NAME]` that says how a service is reached."""


def check_kek(text: str) -> None:
    """Nothing, if `text` is written as one of the kinds is.

    Raises:
        SecretError: it is not. The message names `text` only where it is surely no key itself.
    """
    _parsed(text)


def open_kek(
    text: str,
    settings_by_store: Mapping[str, StoreSettings],
    environment: Mapping[str, str],
    resolve: Callable[[str], Secret],
) -> Kek:
    """The key encryption key that `text` names. Does no IO. `resolve`: as backends of secrets get it.

    Raises:
        SecretError: `text` is malformed, or the kind's client is not installed.
    """
    # ruff: noqa: PLC0415
    kind, place = _parsed(text)
    settings = settings_by_store.get(_STORES.get(kind, ""), StoreSettings())
    match kind:
        case "file":
            return file_kek(Path(place), on_read_only_mount, token_bytes)
        case "keyring":
            return keyring_kek(place, resolve, token_bytes)
        case "aws-kms":
            from keywright.vault.keks.aws_kms import AwsKmsKek

            return AwsKmsKek(place, settings, environment)
        case "gcp-kms":
            from keywright.vault.keks.gcp_kms import GcpKmsKek

            return GcpKmsKek(place, settings, environment, resolve)
        case "azure-key":
            from keywright.vault.keks.azure_key import AzureKeyKek

            return AzureKeyKek(place, settings, environment, resolve)
        case "vault-transit":
            from keywright.vault.keks.vault_transit import TransitKek

            return TransitKek(place, settings, environment, resolve)
        case _:
            assert_never(kind)


def _parsed(text: str) -> tuple[KekKind, str]:
    """The kind, and what stands behind it."""
    for kind in KEK_KINDS:
        separator, shape, example = _SHAPES[kind]
        if text.startswith(f"{kind}{separator}"):
            place = text.removeprefix(f"{kind}{separator}")
            if not text.isprintable() or shape.fullmatch(place) is None:
                raise SecretError(f"a key encryption key of this kind is written {example}")
            return kind, place
    raise SecretError(f"a key encryption key is written {', '.join(example for _, _, example in _SHAPES.values())}")
