"""OpenAI's keys of service accounts.

Administrators can make keys for service accounts only, in a project, and end any key of a project; a person's key is
that person's, and a gateway's key should outlive an employment anyway. Keys cannot be turned off, only ended.

A key is recognised by its ends, since the list shows no more of it. What the list does not tell either is a key's
scopes: the new key has those of the settings, or all rights of its account.
"""

from typing import Final, Literal
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
)
from keywright.rotation.driver import Created
from keywright.rotation.listing import the_one, whole
from keywright.vault.fetch import Fetch

BASE_URL: Final = "https://api.openai.com/v1"
WHO: Final = "OpenAI"
LIFETIME_S_MAX: Final = 31_536_000
KEYS_PER_PAGE: Final = 100
"""As many as it gives at once."""


class OpenAiSettings(Struct, frozen=True):
    """Where the keys are. `service_account`: "" for the one whose the key in use is. `lifetime_s`: of new keys, at most
    a year; None for that of the old. `scopes`: of new keys, () for all.
    """

    project: str
    service_account: str = ""
    lifetime_s: int | None = None
    scopes: tuple[str, ...] = ()


class _Account(Struct, frozen=True):
    id: str
    name: str = ""


class _User(Struct, frozen=True):
    id: str = ""


class _Owner(Struct, frozen=True):
    type: Literal["user", "service_account"] = "user"
    user: _User = _User()
    service_account: _Account | None = None


class _Key(Struct, frozen=True):
    id: str
    name: str
    redacted_value: str
    owner: _Owner
    created_at: int | None = None
    last_used_at: int | None = None
    expires_at: int | None = None

    @property
    def mark(self) -> KeyMark:
        return KeyMark(self.id, "", self.name)

    @property
    def hint(self) -> str:
        return self.redacted_value


class _Page(Struct, frozen=True):
    data: list[_Key]
    has_more: bool = False


class _Made(Struct, frozen=True):
    id: str
    name: str
    value: Secret
    expires_at: int | None = None


class OpenAiDriver:
    """Replaces a key of a service account. `admin_key`: an admin key of the organisation (`sk-admin-…`)."""

    kind: DriverKind = "api"
    creates = True
    disables = False
    deletes = True

    def __init__(self, fetch: Fetch, base_url: str, admin_key: AdminKey, settings: OpenAiSettings) -> None:
        self._api = Administration(fetch, WHO, base_url, by_bearer(WHO, admin_key), public=base_url == BASE_URL)
        self._settings = settings
        self._path = f"/organization/projects/{quote(settings.project, safe='')}"

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret, which must be a service account's."""
        key = the_one(secret, await self._keys(), f"OpenAI's project {self._settings.project}")
        self._account(key)
        return KeyMark(key.id, secret.fingerprint, key.name)

    async def obstacle(self, old: KeyMark) -> str:
        """The key is a person's, or another account's, or gone; or its lifetime is too long."""
        return await obstacle_of(self._wanted("", old))

    async def create(self, name: str, old: KeyMark) -> Created:
        """Make a key for the account of `old`."""
        account, body = await self._wanted(name, old)
        ask = Ask(b"POST", f"{self._path}/service_accounts/{quote(account, safe='')}/api_keys", "make a key", body)
        made = await self._api.tell(ask, _Made)
        mark = KeyMark(made.id, made.value.fingerprint, name)
        return Created(mark, made.value, made.expires_at)

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """The keys of service accounts that are called so."""
        keys = await self._keys()
        return tuple(key.mark for key in keys if key.name == name and key.owner.type == "service_account")

    async def disable(self, mark: KeyMark) -> None:
        """Nothing: it cannot."""

    async def enable(self, mark: KeyMark) -> None:
        """Nothing: it cannot."""

    async def delete(self, mark: KeyMark) -> None:
        """End it."""
        await self._api.delete(self._key_path(mark), mark.id)

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """When it was last used."""
        key = await self._key(mark)
        return None if key is None else key.last_used_at

    async def _keys(self) -> list[_Key]:
        to = f"list the keys of the project {self._settings.project}"

        async def following(found: list[_Key]) -> tuple[list[_Key], bool]:
            after = {"after": found[-1].id} if found else {}
            # `any`: otherwise some keys that work are not listed.
            query = urlencode({"limit": KEYS_PER_PAGE, "owner_project_access": "any", **after})
            page = await self._api.tell(Ask(b"GET", f"{self._path}/api_keys?{query}", to), _Page)
            return page.data, page.has_more

        return await whole(WHO, to, following)

    async def _key(self, mark: KeyMark) -> _Key | None:
        return await self._api.tell_if_there(Ask(b"GET", self._key_path(mark), f"show the key {mark.id}"), _Key)

    def _key_path(self, mark: KeyMark) -> str:
        if not mark.id:
            raise RotationError("OpenAI's id of the key is not known")
        return f"{self._path}/api_keys/{quote(mark.id, safe='')}"

    async def _wanted(self, name: str, old: KeyMark) -> tuple[str, JsonObject]:
        """The account for which a key is made in place of `old`, and what is to be said of that."""
        like = await self._key(old) if old.id else None
        account, now_s = self._account_like(like, old), self._api.now_s()
        body: JsonObject = {"name": name}
        created_s, expires_s = (None, None) if like is None else (like.created_at, like.expires_at)
        until_s = renewed_until_s(now_s, self._settings.lifetime_s, created_s, expires_s)
        if until_s is not None:
            if until_s - now_s > LIFETIME_S_MAX:
                raise RotationError("rotation.lifetime is longer than the year for which OpenAI's keys may live")
            body["expires_in_seconds"] = until_s - now_s
        if self._settings.scopes:
            body["scopes"] = [*self._settings.scopes]
        return account, body

    def _account_like(self, like: _Key | None, old: KeyMark) -> str:
        if like is not None:
            return self._account(like)
        if self._settings.service_account:
            return self._settings.service_account
        raise RotationError(
            f"OpenAI's key {old.id or old.fingerprint}, whose service account is to have a new one, is gone: "
            "name the account in rotation.service_account"
        )

    def _account(self, key: _Key) -> str:
        owner, shown = key.owner.service_account, f"OpenAI's key {key.name!r} ({key.id})"
        if key.owner.type == "user" or owner is None:
            raise RotationError(
                f"{shown} belongs to the user {key.owner.user.id or '?'}, and keys can be made for service accounts "
                "only: make a service account in the project, and put a key of it in this one's place"
            )
        wanted = self._settings.service_account
        if wanted and owner.id != wanted:
            raise RotationError(
                f"{shown} belongs to the service account {owner.id}, but rotation.service_account is {wanted}"
            )
        return owner.id
