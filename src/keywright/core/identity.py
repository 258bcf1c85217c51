"""Who calls: keys, the principals that they stand for, and the realm in which they live.

    organisation → projects → users and service accounts → keys

A gateway has one organisation. Projects, users and service accounts are known by their names, which never change.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, TypeAlias

from msgspec import Struct

KeyKind: TypeAlias = Literal["user", "service", "temporary", "admin"]
Permission: TypeAlias = Literal["all", "read_only", "restricted"]
OwnerKind: TypeAlias = Literal["user", "service_account"]
Network: TypeAlias = IPv4Network | IPv6Network
Tags: TypeAlias = tuple[tuple[str, str], ...]

Role: TypeAlias = Literal["owner", "admin", "member", "viewer", "auditor"]
"""What somebody may do to the organisation or a project.

`owner`: everything, other owners included. `admin`: everything but owners. `member`: uses it, and manages keys of their
own. `viewer`: sees everything but the audit log. `auditor`: sees everything, changes nothing.
"""

DEFAULT_PROJECT: Final = "default"

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

    `owner` is the name of a user or a service account, as `owner_kind` says. `parent`: the id of the key that this one
    was derived from, and which it never exceeds. After a rotation the key before it, by `previous_sha256`, is valid
    until `previous_until_s`. `role`: what an admin key may do where it belongs to nobody. `version` counts changes.
    """

    id: str
    kind: KeyKind
    name: str
    sha256: bytes
    created_s: int
    project: str = DEFAULT_PROJECT
    owner: str | None = None
    permission: Permission = "all"
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    cidrs: tuple[Network, ...] = ()
    expires_s: int | None = None
    revoked_s: int | None = None
    allow_unpriced: bool = False
    owner_kind: OwnerKind = "service_account"
    parent: str | None = None
    tags: Tags = ()
    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    concurrency: int | None = None
    previous_sha256: bytes | None = None
    previous_until_s: int | None = None
    role: Role | None = None
    version: int = 1


class Project(Struct, frozen=True):
    """A part of the organisation: its keys share rules, budgets and a place in every report.

    `models`, `endpoints` and `cidrs` narrow what its keys may do (empty: they do not). An archived project's keys are
    refused. A `declared` one is as the configuration has it, and nothing else changes it.
    """

    name: str
    created_s: int
    title: str = ""
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    cidrs: tuple[Network, ...] = ()
    allow_unpriced: bool = False
    tags: Tags = ()
    archived_s: int | None = None
    version: int = 1
    declared: bool = False


class User(Struct, frozen=True):
    """A person. `role`: on the whole organisation, None for none. A disabled user's keys are refused."""

    name: str
    created_s: int
    email: str = ""
    role: Role | None = None
    tags: Tags = ()
    disabled_s: int | None = None
    version: int = 1


class ServiceAccount(Struct, frozen=True):
    """A program, of one project. A disabled one's keys are refused."""

    name: str
    project: str
    created_s: int
    title: str = ""
    tags: Tags = ()
    disabled_s: int | None = None
    version: int = 1


class Member(Struct, frozen=True):
    """A user's role on one project."""

    project: str
    user: str
    role: Role


class Realm(Struct, frozen=True, eq=False):
    """Everybody but the keys, by name. `members` by project and user."""

    organisation: str = "default"
    projects: Mapping[str, Project] = {}
    users: Mapping[str, User] = {}
    service_accounts: Mapping[str, ServiceAccount] = {}
    members: Mapping[tuple[str, str], Member] = {}


NOBODY: Final = Realm()
