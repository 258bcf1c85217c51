"""What `[secrets.NAME]` may say: stores of secrets, each with the settings that its kind knows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from keywright.config.document import Path
from keywright.config.faults import Faults, nearest
from keywright.core.errors import SecretError
from keywright.vault import reference
from keywright.vault.reference import KINDS, LOCAL, ReferenceKind, Stores
from keywright.vault.settings import StoreSettings

NAME_CHARACTERS_MAX: Final = 32
COMMON: Final = frozenset({"kind", "ttl_s", "keep_s", "timeout_s"})
KNOWN: Final[Mapping[ReferenceKind, frozenset[str]]] = MappingProxyType(
    {
        "env": frozenset(),
        "dotenv": frozenset({"path"}),
        "file": frozenset(),
        "keyring": frozenset(),
        "aws-sm": frozenset({"region", "endpoint", "profile", "role_arn"}),
        "gcp-sm": frozenset({"credentials", "endpoint"}),
        "azure-kv": frozenset({"tenant_id", "client_id", "client_secret", "endpoint", "ca_file"}),
        "vault": frozenset(
            {"address", "namespace", "ca_file", "login", "login_mount", "token", "role", "role_id", "secret_id"}
            | {"jwt_file"}
        ),
        "sealed": frozenset({"kek"}),
    }
)
REFERENCES: Final = ("token", "secret_id", "credentials", "client_secret")
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def stores_of(secrets: Mapping[str, StoreSettings]) -> Stores:
    """The kinds of the stores whose kind is one, by their names."""
    named = {name: settings.kind or name for name, settings in secrets.items()}
    return {name: kind for name, said in named.items() for kind in KINDS if kind == said}


def check_secrets(secrets: Mapping[str, StoreSettings], faults: Faults) -> None:
    """Note in `faults` what of the stores cannot be right."""
    for name, settings in secrets.items():
        path: Path = ("secrets", name)
        if not name or not _NAME.issuperset(name) or name[0] == "-" or len(name) > NAME_CHARACTERS_MAX:
            faults.add(path, f"a store's name has 1 to {NAME_CHARACTERS_MAX} small letters, digits and '-'")
        kind = next((kind for kind in KINDS if kind == (settings.kind or name)), None)
        if kind is None:
            at = (*path, "kind") if settings.kind else path
            faults.add(at, f"there is no such kind of store; {nearest(settings.kind or name, KINDS)}")
        elif name in KINDS and kind != name:
            faults.add((*path, "kind"), f"a store that is called {name} is of the kind {name}; call it otherwise")
        else:
            _check_settings(kind, settings, path, faults)


def _check_settings(kind: ReferenceKind, settings: StoreSettings, path: Path, faults: Faults) -> None:
    usual, known = StoreSettings(), KNOWN[kind] | COMMON
    for field in settings.__struct_fields__:
        if field not in known and getattr(settings, field) != getattr(usual, field):
            takes = ", ".join(sorted(KNOWN[kind])) or "no settings of its own"
            faults.add((*path, field), f"a store of the kind {kind} does not know it; it takes {takes}")
    for field in REFERENCES:
        text = getattr(settings, field)
        if text is not None:
            check_local(text, (*path, field), faults)
    if kind == "sealed" and not settings.kek:
        faults.add(path, "kek is missing: where the key is that encrypts keys, as file:/etc/keywright/kek")


def check_local(text: str, path: Path, faults: Faults) -> None:
    """Note it when `text` is no reference to a secret of this machine: one store is not the key to another."""
    if not reference.is_reference(text):
        faults.add(path, "a secret may not stand in this file; write a reference, as env:NAME or file:/path")
        return
    try:
        kind = reference.parse(text).kind
    except SecretError as error:
        faults.add(path, str(error))
        return
    if kind not in LOCAL:
        faults.add(path, f"{text}: what opens a store is kept on this machine: env:, dotenv:, file: or keyring:")
