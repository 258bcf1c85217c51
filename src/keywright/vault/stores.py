"""The inventory of stores: which kinds there are, and how each is opened by what `[secrets.NAME]` says.

Each kind has one store of its own name, with or without a table. A store is opened when it is first asked, so that only
what is used is imported.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import assert_never

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Backend
from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.env import EnvBackend
from keywright.vault.backends.file import FileBackend, on_read_only_mount
from keywright.vault.reference import KINDS, ReferenceKind, Stores
from keywright.vault.settings import StoreSettings
from keywright.vault.vault import Vault, local_vault

SealedOpener = Callable[[str, StoreSettings, Callable[[str], Secret]], Backend]
"""Opens the sealed store of that name: only who has the database can."""


def kinds_of(secrets: Mapping[str, StoreSettings]) -> Stores:
    """The kind of each configured store, and of those that need no table.

    Raises:
        SecretError: there is no such kind.
    """
    kinds: dict[str, ReferenceKind] = {kind: kind for kind in KINDS}
    for name, settings in secrets.items():
        kind = settings.kind or name
        if kind not in KINDS:
            raise SecretError(f"secrets.{name}: there is no kind {kind}; known are {', '.join(KINDS)}")
        kinds[name] = kind
    return kinds


def open_vault(
    secrets: Mapping[str, StoreSettings],
    environment: Mapping[str, str],
    base: Path,
    dotenv: str,
    sealed: SealedOpener | None = None,
) -> Vault:
    """The vault of all stores. Relative paths start at `base`, where the file `dotenv` lies. `sealed` None: there is no
    database at hand.

    Raises:
        SecretError: a store's kind is none.
    """
    kinds = kinds_of(secrets)
    local = local_vault(environment, base / dotenv)
    openers: dict[str, Callable[[], Backend]] = {}
    for name, kind in kinds.items():
        settings = secrets.get(name, StoreSettings())
        if kind == "sealed":
            if sealed is not None:
                openers[name] = partial(sealed, name, settings, local.document)
        elif kind == "dotenv":
            openers[name] = partial(DotenvBackend, dotenv_path(settings, base, dotenv))
        else:
            openers[name] = partial(_open, kind, settings, environment, local)
    return Vault(openers, kinds)


def dotenv_path(settings: StoreSettings | None, base: Path, dotenv: str) -> Path:
    """The file of a store of that kind."""
    return base / ((settings.path if settings is not None else None) or dotenv)


def _open(
    kind: ReferenceKind,
    settings: StoreSettings,
    environment: Mapping[str, str],
    local: Vault,
) -> Backend:
    """The store, opened by what `local` has. What a kind needs is imported here: most gateways use one or two."""
    # ruff: noqa: PLC0415
    match kind:
        case "env":
            return EnvBackend(environment)
        case "file":
            return FileBackend(on_read_only_mount)
        case "keyring":
            from keywright.vault.backends.keyring import KeyringBackend

            return KeyringBackend(settings.timeout_s)
        case "vault":
            from keywright.vault.backends.vault import VaultBackend

            return VaultBackend(settings, environment, local.resolve)
        case "aws-sm":
            from keywright.vault.backends.aws_sm import AwsSecretsBackend

            return AwsSecretsBackend(settings, environment)
        case "gcp-sm":
            from keywright.vault.backends.gcp_sm import GcpSecretsBackend

            return GcpSecretsBackend(settings, environment, local.document)  # a file of several lines
        case "azure-kv":
            from keywright.vault.backends.azure_kv import AzureSecretsBackend

            return AzureSecretsBackend(settings, environment, local.resolve)
        case "dotenv" | "sealed":
            raise AssertionError(f"{kind} is opened by open_vault")
        case _:
            assert_never(kind)
