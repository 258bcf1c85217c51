"""The first key: an administrator's, printed once at the first start, or set by the operator."""

import secrets
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from keywright.core.errors import ConfigError
from keywright.core.identity import Key
from keywright.core.secret import Secret
from keywright.identity.keystring import digest, issue
from keywright.store.store import Store

VARIABLE: Final = "KEYWRIGHT_ADMIN_KEY"
CHARACTERS_MIN: Final = 32
META: Final = "admin_key"
OPERATORS_ID: Final = "environment"
"""The id of the key that the operator set, in place of one of ours."""


class Admin(Struct, frozen=True):
    """`new` is the key that was made now, to be shown once; `foreign` the operator's own, known by its digest."""

    new: Secret | None
    foreign: Mapping[bytes, Key]


async def open_admin(environment: Mapping[str, str], store: Store, now_s: int) -> Admin:
    """The administrator's key of this gateway; made now if there has never been one and the operator set none.

    Raises:
        ConfigError: `KEYWRIGHT_ADMIN_KEY` is too short.
    """
    given = environment.get(VARIABLE, "").strip()
    if given:
        return Admin(None, {digest(given): _operators_key(given, now_s)})
    if await store.meta(META) is not None:
        return Admin(None, {})
    issued = issue("admin", secrets.token_bytes)
    key = Key(id=issued.id, kind="admin", name="first admin key", sha256=issued.sha256, created_s=now_s)
    first = await store.add_first_key(META, key)
    return Admin(issued.secret if first else None, {})


def _operators_key(given: str, now_s: int) -> Key:
    if len(given) < CHARACTERS_MIN:
        raise ConfigError(
            f"{VARIABLE} has {len(given)} characters; it needs {CHARACTERS_MIN} or more "
            "(make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))')"
        )
    return Key(id=OPERATORS_ID, kind="admin", name=VARIABLE, sha256=digest(given), created_s=now_s)
