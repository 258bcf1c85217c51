"""From what is asked for to a key: a new one, or one as it shall be."""

from typing import Final, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.resources import KeyBody, KeyChange
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import DEFAULT_PROJECT, Key, OwnerKind
from keywright.identity.key import label
from keywright.identity.keystring import IssuedKey

ValueT = TypeVar("ValueT")

OWNER_KINDS: Final[dict[str, OwnerKind]] = {"user": "user", "service-account": "service_account"}


def draft(issued: IssuedKey, body: KeyBody, parent: Key | None, owner: str | None, now_s: int) -> Key:
    """The key `issued` as `body` wants it. What the body does not say is as `parent` has it, or nothing special.

    `owner`: whose it is where the body does not say it.

    Raises:
        ChangeRefusedError: invalid.
    """
    _require_kind(body)
    with reading.field("name"):
        label("name", body.name)
    key = Key(
        id=issued.id,
        kind=issued.kind,
        name=body.name,
        sha256=issued.sha256,
        created_s=now_s,
        project=_said(body.project, DEFAULT_PROJECT if parent is None else parent.project),
        parent=body.parent,
        role=body.role,
    )
    key = _owned(key, body, parent, owner)
    if parent is not None:
        key = replace(
            key,
            permission=parent.permission,
            models=parent.models,
            endpoints=parent.endpoints,
            cidrs=parent.cidrs,
            expires_s=parent.expires_s,
            allow_unpriced=parent.allow_unpriced,
            tags=parent.tags,
            requests_per_min=parent.requests_per_min,
            tokens_per_min=parent.tokens_per_min,
            concurrency=parent.concurrency,
        )
    return redraft(key, _change(body), now_s)


def redraft(key: Key, change: KeyChange, now_s: int) -> Key:
    """`key` with what `change` says.

    Raises:
        ChangeRefusedError: invalid.
    """
    if change.name is not UNSET:
        with reading.field("name"):
            label("name", change.name)
    permission = _said(change.permission, key.permission)
    endpoints = key.endpoints if change.endpoints is UNSET else reading.endpoints(change.endpoints)
    if permission != "restricted" and change.endpoints is UNSET:
        endpoints = ()
    _require_endpoints(permission, endpoints)
    if key.kind == "admin" and permission != "all":
        message = "an admin key has the permission all: what it may do is said by its role, or its user's"
        raise ChangeRefusedError("invalid", message, "permission")
    return replace(
        key,
        name=_said(change.name, key.name),
        permission=permission,
        models=key.models if change.models is UNSET else reading.globs(change.models),
        endpoints=endpoints,
        cidrs=key.cidrs if change.cidrs is UNSET else reading.cidrs(change.cidrs),
        expires_s=key.expires_s if change.expires is UNSET else reading.end_s(change.expires, now_s),
        allow_unpriced=_said(change.allow_unpriced, key.allow_unpriced),
        tags=key.tags if change.tags is UNSET else reading.tags(change.tags),
        requests_per_min=_count(change.requests_per_min, key.requests_per_min, "requests_per_min"),
        tokens_per_min=_count(change.tokens_per_min, key.tokens_per_min, "tokens_per_min"),
        concurrency=_count(change.concurrency, key.concurrency, "concurrency"),
    )


def _change(body: KeyBody) -> KeyChange:
    """What a body for a new key has in common with one that changes a key."""
    return KeyChange(
        permission=body.permission,
        models=body.models,
        endpoints=body.endpoints,
        cidrs=body.cidrs,
        expires=body.expires,
        allow_unpriced=body.allow_unpriced,
        tags=body.tags,
        requests_per_min=body.requests_per_min,
        tokens_per_min=body.tokens_per_min,
        concurrency=body.concurrency,
    )


def _owned(key: Key, body: KeyBody, parent: Key | None, owner: str | None) -> Key:
    """`key` with its owner: the one that is named, else the parent's where the kind allows it, else `owner`."""
    if body.owner is UNSET:
        if parent is not None and parent.owner is not None and body.kind in ("temporary", _kind_of(parent)):
            return replace(key, owner=parent.owner, owner_kind=parent.owner_kind)
        return replace(key, owner=owner, owner_kind="user") if owner and body.kind != "service" else key
    if body.owner is None:
        return key
    word, colon, name = body.owner.partition(":")
    kind = OWNER_KINDS.get(word) if colon else None
    wanted: OwnerKind = "service_account" if body.kind == "service" else "user"
    if kind is None:
        kind, name = wanted, body.owner
    elif body.kind != "temporary" and kind != wanted:
        raise ChangeRefusedError("invalid", f"a key of the kind {body.kind} cannot belong to {body.owner!r}", "owner")
    with reading.field("owner"):
        label("owner", name)
    return replace(key, owner=name, owner_kind=kind)


def _kind_of(parent: Key) -> str:
    return "user" if parent.owner_kind == "user" else "service"


def _require_kind(body: KeyBody) -> None:
    if body.role is not None and body.kind != "admin":
        raise ChangeRefusedError("invalid", "only a key of the kind admin has a role of its own", "role")
    if body.role is not None and body.owner not in (UNSET, None):
        raise ChangeRefusedError("invalid", "an admin key that belongs to a user has that user's role", "role")
    if body.parent is not None and body.kind == "admin":
        raise ChangeRefusedError("invalid", "a key of the kind admin is derived from no other", "parent")


def _require_endpoints(permission: str, endpoints: tuple[str, ...]) -> None:
    if permission == "restricted" and not endpoints:
        raise ChangeRefusedError("invalid", "a restricted key needs at least one endpoint", "endpoints")
    if permission != "restricted" and endpoints:
        raise ChangeRefusedError("invalid", "endpoints are only for a key with the permission restricted", "endpoints")


def _said(given: ValueT | UnsetType, otherwise: ValueT) -> ValueT:
    return otherwise if isinstance(given, UnsetType) else given


def _count(given: int | UnsetType | None, otherwise: int | None, name: str) -> int | None:
    return otherwise if isinstance(given, UnsetType) else reading.count(given, name)
