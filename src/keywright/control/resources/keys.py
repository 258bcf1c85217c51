"""Keys: as they are asked for, changed and shown."""

from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from keywright.core.identity import KeyKind, OwnerKind, Permission, Role

State: TypeAlias = Literal["active", "expired", "revoked"]
"""Of a key."""


class KeyBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key to be made.

    `owner`: a user's name for the kinds user and admin, a service account's for service, either for temporary.
    `expires`: a duration from now, or a time; absent: never. `parent`: the id of the key that it is derived from. What
    is absent then is as the parent has it, and nothing may exceed it. `role`: of an admin key without an owner, on the
    organisation, or on `project` where that is not `default`; absent: owner.
    """

    name: str
    kind: KeyKind = "service"
    project: str | UnsetType = UNSET
    owner: str | UnsetType | None = UNSET
    permission: Permission | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    endpoints: tuple[str, ...] | UnsetType = UNSET
    cidrs: tuple[str, ...] | UnsetType = UNSET
    expires: str | UnsetType | None = UNSET
    allow_unpriced: bool | UnsetType = UNSET
    parent: str | None = None
    tags: dict[str, str] | UnsetType = UNSET
    requests_per_min: int | UnsetType | None = UNSET
    tokens_per_min: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET
    role: Role | None = None


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a key. `expires` null: never; the three limits null: none."""

    name: str | UnsetType = UNSET
    permission: Permission | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    endpoints: tuple[str, ...] | UnsetType = UNSET
    cidrs: tuple[str, ...] | UnsetType = UNSET
    expires: str | UnsetType | None = UNSET
    allow_unpriced: bool | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET
    requests_per_min: int | UnsetType | None = UNSET
    tokens_per_min: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key, without its secret. `previous_until`: how long the secret before the last rotation works."""

    id: str
    kind: KeyKind
    name: str
    project: str
    owner: str | None
    owner_kind: OwnerKind | None
    permission: Permission
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    cidrs: tuple[str, ...]
    allow_unpriced: bool
    parent: str | None
    tags: dict[str, str]
    requests_per_min: int | None
    tokens_per_min: int | None
    concurrency: int | None
    role: Role | None
    created: str
    expires: str | None
    revoked: str | None
    previous_until: str | None
    last_used: str | None
    last_address: str | None
    state: State
    version: int


class IssuedKeyRow(KeyRow, frozen=True, kw_only=True):
    """A key with its secret, told once. In an answer that is given again (`Idempotency-Key`), `key` is null."""

    key: str | None
    note: str


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """`grace`: how long the secret that is replaced goes on working, as `24h`; "0s": not at all."""

    grace: str = "0s"
