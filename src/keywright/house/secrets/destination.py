"""Where copies of secrets go: a prefix of references, below which each gets a place by its label.

sealed:            sealed:openai                      vault://secret/llm     vault://secret/llm#openai
file:/etc/keys/    file:/etc/keys/openai              vault://secret/llm/    vault://secret/llm/openai#value
dotenv:LLM_        dotenv:LLM_OPENAI                  aws-sm://llm           aws-sm://llm#openai
keyring:keys/      keyring:keys/openai                aws-sm://llm/          aws-sm://llm/openai
gcp-sm://project/  gcp-sm://project/openai            azure-kv://vault/      azure-kv://vault/openai

What of a label a store does not take in a name is replaced, so two labels may come to one place: who asks compares.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from keywright.config.faults import nearest
from keywright.core.errors import SecretError, SecretReadOnlyError
from keywright.vault.reference import NEAR, Reference, ReferenceKind, Stores, parse

FIELD: Final = "value"
"""Of an entry that holds one secret, in a store whose entries have fields."""

_ENDS: Final = (":", "/", "#", "-", "_", ".")
_SEPARATORS: Final[Mapping[ReferenceKind, str]] = MappingProxyType({"dotenv": "_", "sealed": "-"})
"""What parts of a name are told apart by, where a name has no `/`."""

_FOREIGN: Final[Mapping[ReferenceKind, tuple[re.Pattern[str], str]]] = MappingProxyType(
    {
        "dotenv": (re.compile(r"[^A-Za-z0-9_]"), "_"),
        "gcp-sm": (re.compile(r"[^A-Za-z0-9_-]"), "-"),
        "azure-kv": (re.compile(r"[^A-Za-z0-9-]"), "-"),
    }
)
"""What some stores do not take in a name, and what stands there instead."""


class Destination(Struct, frozen=True):
    """A prefix of references to a store of that kind."""

    prefix: str
    kind: ReferenceKind


def read_destination(text: str, stores: Stores) -> Destination:
    """The destination that `text` writes; a store's name alone is its beginning.

    Raises:
        SecretError: there is no such store, it can never be written, or no reference can begin so.
    """
    at, colon, _ = text.partition(":")
    kind = stores.get(at)
    if kind is None:
        raise SecretError(f"there is no store of the name before the ':' of --to; {nearest(at, stores)}")
    if kind == "env":
        raise SecretReadOnlyError(f"{at}: cannot be written: the environment belongs to whoever starts the gateway")
    if not colon:
        text = f"{at}:" if kind in NEAR else f"{at}://"
    if not text.endswith(_ENDS) and (kind not in ("vault", "aws-sm") or "#" in text):
        raise SecretError(f"{text} is followed by names: write {text}{_SEPARATORS.get(kind, '/')}")
    destination = Destination(text, kind)
    place = place_of(destination, "name", stores)
    if place.version or place.stage:
        raise SecretReadOnlyError(f"{text} names one version, which never changes: leave it out")
    return destination


def place_of(destination: Destination, label: str, stores: Stores) -> Reference:
    """The place of what is called `label`.

    Raises:
        SecretError: no reference is written so.
    """
    prefix, kind = destination.prefix, destination.kind
    name = _name(kind, label)
    if kind in ("vault", "aws-sm") and not prefix.endswith(_ENDS):
        return parse(f"{prefix}#{name}", stores)
    field = f"#{FIELD}" if kind == "vault" and "#" not in prefix else ""
    return parse(f"{prefix}{name}{field}", stores)


def _name(kind: ReferenceKind, label: str) -> str:
    """`label` as the store writes names."""
    foreign, instead = _FOREIGN.get(kind, (None, ""))
    name = label if foreign is None else foreign.sub(instead, label)
    if kind == "dotenv":
        return name.upper()
    return name.lower() if kind == "azure-kv" else name  # Azure's names are the same in capitals
