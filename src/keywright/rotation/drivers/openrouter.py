"""OpenRouter's keys, by its management API.

A key's id is its SHA-256, so a key is recognised with certainty; only where that finds none its label's ends are tried.

**What a new key may spend.** A limit that resets (daily, weekly, monthly) is carried over whole: within the period of
the rotation both keys together may spend it twice, since a lower limit would have to be raised again at the next reset,
by somebody. One that never resets is a budget of its own: the new key gets only what the old one had left, otherwise
each rotation would renew it. What the old one spends after that, while it drains, comes on top.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import Struct

from keywright.core.errors import RotationError
from keywright.core.json import JsonObject
from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret
from keywright.rotation.administration import (
    Administration,
    AdminKey,
    Ask,
    by_bearer,
    obstacle_of,
    renewed_until_s,
    unix_s,
)
from keywright.rotation.driver import Created
from keywright.rotation.listing import the_one, whole
from keywright.vault.fetch import Fetch

BASE_URL: Final = "https://openrouter.ai/api/v1"
WHO: Final = "OpenRouter"


class OpenRouterSettings(Struct, frozen=True):
    """`workspace`: its id, "" for the old key's own. `lifetime_s`: of new keys, None for that of the old."""

    workspace: str = ""
    lifetime_s: int | None = None


class _Key(Struct, frozen=True):
    hash: str
    name: str
    label: str
    limit: float | None
    limit_remaining: float | None
    limit_reset: str | None
    include_byok_in_limit: bool
    created_at: str
    workspace_id: str = ""
    creator_user_id: str | None = None
    expires_at: str | None = None

    @property
    def mark(self) -> KeyMark:
        return KeyMark(self.hash, "", self.name)

    @property
    def hint(self) -> str:
        return self.label


class _One(Struct, frozen=True):
    data: _Key


class _Page(Struct, frozen=True):
    data: list[_Key]


class _Made(Struct, frozen=True):
    data: _Key
    key: Secret


class OpenRouterDriver:
    """Replaces a key. `admin_key`: a management key, which is made at Settings, Management keys."""

    kind: DriverKind = "api"
    creates = True
    disables = True
    deletes = True

    def __init__(self, fetch: Fetch, base_url: str, admin_key: AdminKey, settings: OpenRouterSettings) -> None:
        self._api = Administration(fetch, WHO, base_url, by_bearer(WHO, admin_key), public=base_url == BASE_URL)
        self._settings = settings

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret."""
        key = await self._key(sha256(secret.reveal().encode()).hexdigest())
        if key is None:
            key = the_one(secret, await self._keys(self._settings.workspace), "OpenRouter's workspace")
        return KeyMark(key.hash, secret.fingerprint, key.name)

    async def obstacle(self, old: KeyMark) -> str:
        """The key is gone, so that nobody knows its limits."""
        return await obstacle_of(self._model(old))

    async def create(self, name: str, old: KeyMark) -> Created:
        """Make a key with the limits of `old`, in its workspace."""
        ask = Ask(b"POST", "/keys", "make a key", self._wanted(name, await self._model(old)))
        made = await self._api.tell(ask, _Made)
        mark = KeyMark(made.data.hash, made.key.fingerprint, name)
        return Created(mark, made.key, unix_s(made.data.expires_at or ""))

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """The keys of the workspace that are called so."""
        workspace = self._settings.workspace
        if not workspace and old.id:
            like = await self._key(old.id)
            workspace = like.workspace_id if like is not None else ""
        return tuple(key.mark for key in await self._keys(workspace) if key.name == name)

    async def disable(self, mark: KeyMark) -> None:
        """Turn it off."""
        await self._turn(mark, off=True)

    async def enable(self, mark: KeyMark) -> None:
        """Turn it on again."""
        await self._turn(mark, off=False)

    async def delete(self, mark: KeyMark) -> None:
        """End it."""
        await self._api.delete(_path(mark.id), mark.id)

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """None: it tells what was spent, not when."""
        return None

    async def _keys(self, workspace: str) -> list[_Key]:
        to = "list the keys"
        where = {"workspace_id": workspace} if workspace else {}

        async def following(found: list[_Key]) -> tuple[list[_Key], bool]:
            query = urlencode({"include_disabled": "true", "offset": len(found), **where})
            return (await self._api.tell(Ask(b"GET", f"/keys?{query}", to), _Page)).data, True

        return await whole(WHO, to, following)

    async def _key(self, key_hash: str) -> _Key | None:
        one = await self._api.tell_if_there(Ask(b"GET", _path(key_hash), f"show the key {key_hash}"), _One)
        return None if one is None else one.data

    async def _model(self, old: KeyMark) -> _Key:
        """The key like which another is made."""
        key = await self._key(old.id)
        if key is None:
            raise RotationError(f"OpenRouter's key {old.id}, whose limits a new one is to have, is gone")
        return key

    async def _turn(self, mark: KeyMark, *, off: bool) -> None:
        to = f"turn the key {mark.id} {'off' if off else 'on'}"
        ask = Ask(b"PATCH", _path(mark.id), to, {"disabled": off}, repeatable=True)
        await self._api.tell_if_there(ask, _One)

    def _wanted(self, name: str, like: _Key) -> JsonObject:
        body: JsonObject = {
            "name": name,
            "limit": like.limit,
            "limit_reset": like.limit_reset,
            "include_byok_in_limit": like.include_byok_in_limit,
        }
        if like.limit is not None and like.limit_reset is None and like.limit_remaining is not None:
            body["limit"] = max(like.limit_remaining, 0.0)
        workspace = self._settings.workspace or like.workspace_id
        if workspace:
            body["workspace_id"] = workspace
        if like.creator_user_id is not None:
            body["creator_user_id"] = like.creator_user_id
        until_s = renewed_until_s(
            self._api.now_s(), self._settings.lifetime_s, unix_s(like.created_at), unix_s(like.expires_at or "")
        )
        if until_s is not None:
            body["expires_at"] = datetime.fromtimestamp(until_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return body


def _path(key_hash: str) -> str:
    if not key_hash:
        raise RotationError("OpenRouter's hash of the key is not known")
    return f"/keys/{quote(key_hash, safe='')}"
