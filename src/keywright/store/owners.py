"""Is anybody left who acts as an owner of the organisation?"""

from typing import Final

from sqlalchemy import Connection

from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import DEFAULT_PROJECT, Key, User
from keywright.store.keys import select_where
from keywright.store.realm_rows import select_page
from keywright.store.schema import KEYS

USERS_PER_QUERY: Final = 500


def acts_as_owner(key: Key, user: User | None, now_s: int) -> bool:
    """Whether `key`, which belongs to `user`, acts as an owner of the organisation at `now_s`.

    An admin key that belongs to nobody has its own role: on its project, where it says one and that is not `default`.
    """
    has_ended = key.revoked_s is not None or (key.expires_s is not None and key.expires_s <= now_s)
    if has_ended or key.permission != "all":
        return False
    if key.owner is not None:
        is_owners = user is not None and user.role == "owner" and user.disabled_s is None
        return is_owners and key.owner_kind == "user" and key.kind in ("admin", "user")
    return key.kind == "admin" and (key.role is None or (key.role == "owner" and key.project == DEFAULT_PROJECT))


def require_owner(connection: Connection, now_s: int) -> None:
    """Nothing, while a key is left that acts as an owner of the organisation.

    Raises:
        ChangeRefusedError: conflict.
    """
    unowned = select_where(connection, KEYS.c.owner == "", KEYS.c.revoked_s.is_(None))
    if any(acts_as_owner(key, None, now_s) for key in unowned) or _is_held_by_owner(connection, now_s):
        return
    raise ChangeRefusedError(
        "conflict", "nobody would be left who acts as an owner of the organisation: make another owner's key first"
    )


def _is_held_by_owner(connection: Connection, now_s: int) -> bool:
    after = ""
    while batch := select_page(connection, User, after, USERS_PER_QUERY, None):
        owners = {user.name: user for user in batch if user.role == "owner"}
        subjects = [f"user:{name}" for name in owners]
        keys = select_where(connection, KEYS.c.owner.in_(subjects)) if owners else ()
        if any(acts_as_owner(key, owners.get(key.owner or ""), now_s) for key in keys):
            return True
        after = batch[-1].name
    return False
