"""Who calls: keys and the principals that they stand for."""

from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, TypeAlias

from msgspec import Struct

KeyKind: TypeAlias = Literal["user", "service", "temporary", "admin"]
Permission: TypeAlias = Literal["all", "read_only", "restricted"]
Network: TypeAlias = IPv4Network | IPv6Network

ENDPOINTS: Final = (
    "chat",
    "models",
    "embeddings",
    "rerank",
    "count",
    "fim",
    "moderations",
    "images",
    "speech",
    "transcriptions",
    "ocr",
    "files",
    "batches",
    "responses_items",
    "native",
)
"""What a restricted key may be restricted to. `native`: any endpoint of a provider, by the provider's own paths."""


class Key(Struct, frozen=True):
    """An issued key as it is known after its issue: everything but its secret.

    `sha256` is the digest of the whole key string. `models` are globs over `provider/model` and aliases (empty:
    all); `endpoints` names what a restricted key may call; times are Unix seconds.
    """

    id: str
    kind: KeyKind
    name: str
    sha256: bytes
    created_s: int
    project: str = "default"
    owner: str | None = None
    permission: Permission = "all"
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    cidrs: tuple[Network, ...] = ()
    expires_s: int | None = None
    revoked_s: int | None = None
    allow_unpriced: bool = False
