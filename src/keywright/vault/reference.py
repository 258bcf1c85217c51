"""Where a secret is kept, as the configuration writes it: `env:NAME`, `vault://mount/path#field`, `sealed:name`.

    KIND:NAME                                         for places of this machine
    KIND://NAME[?stage=STAGE][?version=V][#FIELD]     for places beyond it

The name of a table `[secrets.NAME]` may stand in KIND's place: several stores of one kind are told apart by it. A
version stands as the last part of the path where the store's own tools write it so (`gcp-sm`, `azure-kv`).

A message here may name a text only once it is known to be a reference: before that it may be the secret itself, pasted
where its reference belongs.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args
from urllib.parse import parse_qsl

from msgspec import Struct

from keywright.core.errors import SecretError

ReferenceKind: TypeAlias = Literal[
    "env", "dotenv", "file", "keyring", "aws-sm", "gcp-sm", "azure-kv", "vault", "sealed"
]
Stores: TypeAlias = Mapping[str, ReferenceKind]
"""The kinds of the configured stores, by their names."""

KINDS: Final[tuple[ReferenceKind, ...]] = get_args(ReferenceKind)
NEAR: Final[frozenset[ReferenceKind]] = frozenset({"env", "dotenv", "file", "keyring", "sealed"})
"""Kinds that are written with `:` alone; the others with `://`."""

LOCAL: Final[frozenset[ReferenceKind]] = frozenset({"env", "dotenv", "file", "keyring"})
"""Kinds of stores that depend on nothing beyond this machine, as the sealed store may on who keeps its key."""

NO_STORES: Final[Stores] = MappingProxyType({})
REFERENCE_CHARACTERS_MAX: Final = 1024

_FIELDS: Final[frozenset[ReferenceKind]] = frozenset({"aws-sm", "vault"})
_QUERIES: Final[Mapping[ReferenceKind, frozenset[str]]] = MappingProxyType(
    {"aws-sm": frozenset({"stage", "version"}), "vault": frozenset({"version"})}
)
_SHAPES: Final[Mapping[ReferenceKind, tuple[re.Pattern[str], str]]] = MappingProxyType(
    {
        "env": (re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "env:NAME, a variable of letters, digits and _"),
        "dotenv": (re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "dotenv:NAME, a variable of letters, digits and _"),
        "file": (re.compile(r"/.+"), "file:/run/secrets/openai, an absolute path"),
        "keyring": (re.compile(r"[^/]+/.+"), "keyring:service/name"),
        "aws-sm": (re.compile(r"[A-Za-z0-9/_+=.@:-]+"), "aws-sm://name#field, or an ARN for name"),
        "gcp-sm": (re.compile(r"[a-z0-9:.-]+/[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)?"), "gcp-sm://project/name"),
        "azure-kv": (re.compile(r"[A-Za-z0-9.-]+/[A-Za-z0-9-]+(/[A-Za-z0-9]+)?"), "azure-kv://vault/name"),
        "vault": (re.compile(r"[^/]+(/[^/]+)+"), "vault://mount/path#field"),
        "sealed": (re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"), "sealed:name, of letters, digits and ._-"),
    }
)
_VERSIONED: Final[frozenset[ReferenceKind]] = frozenset({"gcp-sm", "azure-kv"})


class Reference(Struct, frozen=True):
    """A secret's place. `name` is what its store calls it: a variable, a path, `project/name`.

    `store`: the configured store that has it, "" for the one of the kind's own name. `field`: which member of a secret
    that is a JSON object. `version` and `stage`: "" for what counts now.
    """

    kind: ReferenceKind
    name: str
    store: str = ""
    field: str = ""
    version: str = ""
    stage: str = ""

    @property
    def at(self) -> str:
        """The name of the store that has it."""
        return self.store or self.kind

    def __str__(self) -> str:
        separator = ":" if self.kind in NEAR else "://"
        path = f"{self.name}/{self.version}" if self.version and self.kind in _VERSIONED else self.name
        version = "" if self.kind in _VERSIONED else self.version
        said = [f"{name}={value}" for name, value in (("stage", self.stage), ("version", version)) if value]
        query = "?" + "&".join(said) if said else ""
        return f"{self.at}{separator}{path}{query}" + (f"#{self.field}" if self.field else "")


def is_reference(text: str, stores: Stores = NO_STORES) -> bool:
    """Whether `text` starts as a reference does."""
    return _kind_of(text, stores) is not None


def parse(text: str, stores: Stores = NO_STORES) -> Reference:
    """The reference that `text` writes.

    Raises:
        SecretError: not a reference, or malformed. The message names the text only where it is surely no secret.
    """
    kind = _kind_of(text, stores)
    if kind is None:
        raise SecretError(
            "a secret reference is written env:NAME, dotenv:NAME, file:/path, keyring:service/name, sealed:name, "
            "vault://mount/path#field, aws-sm://name#field, gcp-sm://project/name or azure-kv://vault/name"
        )
    if len(text) > REFERENCE_CHARACTERS_MAX or not text.isprintable():
        raise SecretError(f"a secret reference is one line of at most {REFERENCE_CHARACTERS_MAX} characters")
    at = text.partition(":")[0]
    store = "" if at == kind else at
    rest = text[len(at) + (1 if kind in NEAR else 3) :]
    if kind in NEAR:
        _require(kind, rest)
        return Reference(kind, rest, store)
    return _far(kind, store, rest)


def is_variable(name: str) -> bool:
    """Whether a shell would accept `name` as a variable's name."""
    return name.isascii() and name.isidentifier()


def _kind_of(text: str, stores: Stores) -> ReferenceKind | None:
    at, colon, rest = text.partition(":")
    kind = stores.get(at) or next((kind for kind in KINDS if kind == at), None)
    if not colon or kind is None:
        return None
    return kind if kind in NEAR or rest.startswith("//") else None


def _far(kind: ReferenceKind, store: str, rest: str) -> Reference:
    rest, _, field = rest.partition("#")
    name, _, query = rest.partition("?")
    said = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
    unknown = said.keys() - _QUERIES.get(kind, frozenset())
    if unknown or (field and kind not in _FIELDS) or (query and not said):
        raise SecretError(f"{kind}:// is written {_SHAPES[kind][1]}; it has no {_told(unknown, query, field)}")
    _require(kind, name)
    version = said.get("version", "")
    if kind in _VERSIONED and name.count("/") == 2:
        name, _, version = name.rpartition("/")
    if kind == "vault" and not field:
        raise SecretError(f"vault:// needs the field of the secret: vault://{name}#FIELD")
    return Reference(kind, name, store, field, version, said.get("stage", ""))


def _told(unknown: set[str], query: str, field: str) -> str:
    if unknown:
        return f"?{min(unknown)}="
    return f"#{field}" if field else f"?{query}"


def _require(kind: ReferenceKind, name: str) -> None:
    shape, example = _SHAPES[kind]
    if shape.fullmatch(name) is None:
        raise SecretError(f"{kind}: is followed by a name, as in {example}")
