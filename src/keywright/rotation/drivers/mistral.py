"""Mistral's keys, by its Admin API, which is in beta.

Its documents disagree about how a question is signed in, `x-api-key` or a bearer token: the first one of each call is
asked with the former, and again with the latter where that is refused; the rest of the call stays with what was taken.
They disagree about its address as well; `https://api.mistral.ai/v1/admin` is the other one.

Keys cannot be turned off. They run out at the end of a day, not at a time; when they were last used is a day, too.
"""

from datetime import UTC, datetime
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
    Login,
    by_bearer,
    by_header,
    obstacle_of,
    renewed_until_s,
    unix_s,
)
from keywright.rotation.driver import Created
from keywright.rotation.listing import the_one, whole
from keywright.vault.fetch import Fetch

BASE_URL: Final = "https://console.mistral.ai/api/admin"
WHO: Final = "Mistral"
KEYS_PER_PAGE: Final = 100
DAY_S: Final = 86_400
REFUSED: Final = frozenset({401, 403})


class MistralSettings(Struct, frozen=True):
    """`user`: the id of the user for whom keys are made; Mistral does not tell it of the old key. `workspace`: its id,
    "" for the old key's own. `lifetime_s`: of new keys, at least; None for that of the old.
    """

    user: str
    workspace: str = ""
    lifetime_s: int | None = None


class _Key(Struct, frozen=True):
    key_id: str
    hidden_key: str
    name: str | None = None
    created_at: str | None = None
    expiration_date: str | None = None
    workspace_id: str | None = None
    last_used: str | None = None

    @property
    def mark(self) -> KeyMark:
        return KeyMark(self.key_id, "", self.name or "")

    @property
    def hint(self) -> str:
        return self.hidden_key


class _Page(Struct, frozen=True):
    keys: list[_Key]


class _Made(Struct, frozen=True):
    key_id: str
    key: Secret
    expiration_date: str | None = None


class _Deleted(Struct, frozen=True):
    detail: str = ""


class MistralDriver:
    """Replaces a key. `admin_key`: an Admin API key of the organisation, which is made in the Backoffice."""

    kind: DriverKind = "api"
    creates = True
    disables = False
    deletes = True

    def __init__(self, fetch: Fetch, base_url: str, admin_key: AdminKey, settings: MistralSettings) -> None:
        def signed(login: Login) -> Administration:
            return Administration(fetch, WHO, base_url, login, public=base_url == BASE_URL)

        self._ways = signed(by_header(WHO, "x-api-key", admin_key)), signed(by_bearer(WHO, admin_key))
        self._settings = settings

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret."""
        key = the_one(secret, await self._keys(await self._way()), "Mistral's organisation")
        return KeyMark(key.key_id, secret.fingerprint, key.name or "")

    async def obstacle(self, old: KeyMark) -> str:
        """The key is gone, and its workspace is not in the settings."""
        return await obstacle_of(self._wanted("", old, await self._way()))

    async def create(self, name: str, old: KeyMark) -> Created:
        """Make a key in the workspace of `old`."""
        api = await self._way()
        ask = Ask(b"POST", "/api-keys", "make a key", await self._wanted(name, old, api))
        made = await api.tell(ask, _Made)
        mark = KeyMark(made.key_id, made.key.fingerprint, name)
        return Created(mark, made.key, unix_s(made.expiration_date or ""))

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """The keys that are called so."""
        return tuple(key.mark for key in await self._keys(await self._way()) if key.name == name)

    async def disable(self, mark: KeyMark) -> None:
        """Nothing: it cannot."""

    async def enable(self, mark: KeyMark) -> None:
        """Nothing: it cannot."""

    async def delete(self, mark: KeyMark) -> None:
        """End it."""
        if not mark.id:
            raise RotationError("Mistral's id of the key is not known")
        api = await self._way()
        ask = Ask(b"DELETE", f"/api-keys/{quote(mark.id, safe='')}", f"delete the key {mark.id}")
        await api.tell_if_there(ask, _Deleted)

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """The beginning of the day on which it was last used: not later is all that Mistral's word proves."""
        key = _of(await self._keys(await self._way()), mark)
        return None if key is None else unix_s(key.last_used or "")

    async def _way(self) -> Administration:
        """The way of signing in that is taken."""
        by_header, by_bearer = self._ways
        reply = await by_header.ask(Ask(b"GET", "/api-keys?limit=1&offset=0", "list the keys"))
        return by_bearer if reply.status in REFUSED else by_header

    async def _keys(self, api: Administration) -> list[_Key]:
        to = "list the keys"

        async def following(found: list[_Key]) -> tuple[list[_Key], bool]:
            query = urlencode({"limit": KEYS_PER_PAGE, "offset": len(found)})
            return (await api.tell(Ask(b"GET", f"/api-keys?{query}", to), _Page)).keys, True

        return await whole(WHO, to, following)

    async def _wanted(self, name: str, old: KeyMark, api: Administration) -> JsonObject:
        like = _of(await self._keys(api), old)
        workspace = self._settings.workspace or (like.workspace_id if like is not None else None)
        if not workspace:
            raise RotationError("it is not known in which workspace of Mistral's the key is: set rotation.workspace")
        body: JsonObject = {"name": name, "workspace_uuid": workspace, "user_id": self._settings.user}
        created_s, expires_s = (
            (None, None) if like is None else (unix_s(like.created_at or ""), unix_s(like.expiration_date or ""))
        )
        until_s = renewed_until_s(api.now_s(), self._settings.lifetime_s, created_s, expires_s)
        if until_s is not None:
            # The next midnight, so that it lives no shorter than it should.
            day = datetime.fromtimestamp(-(-until_s // DAY_S) * DAY_S, UTC).date()
            body["expiration"] = day.isoformat()
        return body


def _of(keys: list[_Key], mark: KeyMark) -> _Key | None:
    return next((key for key in keys if key.key_id == mark.id), None)
