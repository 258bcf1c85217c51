"""Anthropic: its API makes no keys, and tells no key's secret. A person makes the new one in the Console and pastes it.

With an admin key of the organisation the rest is done here: the old key is recognised by its ends, turned off and on
again (`inactive`, `active`), and in the end archived, which is Anthropic's "deleted". Without one nothing is, and the
provider is rotated by an `AssistedDriver`. Admin keys exist for organisations only.
"""

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote, urlencode

from msgspec import Struct

from keywright.core.errors import RotationError
from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret
from keywright.rotation.administration import Administration, AdminKey, Ask, by_header
from keywright.rotation.consoles import by_hand
from keywright.rotation.driver import Created
from keywright.rotation.listing import the_one, whole
from keywright.vault.fetch import Fetch

BASE_URL: Final = "https://api.anthropic.com"
VERSION: Final = (b"anthropic-version", b"2023-06-01")
WHO: Final = "Anthropic"
KEYS_PER_PAGE: Final = 1000
"""As many as it gives at once."""


class AnthropicSettings(Struct, frozen=True):
    """`workspace`: in which the keys are, "" for all of the organisation's. `key_ids`: Anthropic's id of a key → our
    fingerprint of it, where several keys have the same ends.
    """

    workspace: str = ""
    key_ids: Mapping[str, str] = {}


class _Key(Struct):
    id: str
    name: str
    status: Literal["active", "inactive", "archived", "expired"]
    partial_key_hint: str | None = None

    @property
    def mark(self) -> KeyMark:
        return KeyMark(self.id, "", self.name)

    @property
    def hint(self) -> str:
        return self.partial_key_hint or ""


class _Page(Struct):
    data: list[_Key]
    has_more: bool = False


class AnthropicDriver:
    """Ends the old key of an organisation. `admin_key`: one of the organisation's (`sk-ant-admin…`)."""

    kind: DriverKind = "assisted"
    creates = False
    disables = True
    deletes = True

    def __init__(self, fetch: Fetch, base_url: str, admin_key: AdminKey, settings: AnthropicSettings) -> None:
        login = by_header(WHO, "x-api-key", admin_key, others=(VERSION,))
        self._api = Administration(fetch, WHO, base_url, login, public=base_url == BASE_URL)
        self._settings = settings

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret."""
        keys = [key for key in await self._keys() if key.status != "archived"]
        told = [key for key in keys if self._settings.key_ids.get(key.id) == secret.fingerprint]
        key = told[0] if told else the_one(secret, keys, "Anthropic's organisation")
        return KeyMark(key.id, secret.fingerprint, key.name)

    async def obstacle(self, old: KeyMark) -> str:
        """Always that a person makes them, and where."""
        return by_hand("anthropic")

    async def create(self, name: str, old: KeyMark) -> Created:
        """Always a RotationError, which says the same."""
        raise RotationError(by_hand("anthropic"))

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """None."""
        return ()

    async def disable(self, mark: KeyMark) -> None:
        """Turn it off."""
        key = await self._key(mark)
        if key is not None and key.status == "active":
            await self._set(mark, "inactive")

    async def enable(self, mark: KeyMark) -> None:
        """Turn it on again."""
        key = await self._key(mark)
        if key is None or key.status in {"archived", "expired"}:
            state = "gone" if key is None else key.status
            raise RotationError(f"Anthropic's key {mark.id} is {state}, and cannot be made active again")
        if key.status == "inactive":
            await self._set(mark, "active")

    async def delete(self, mark: KeyMark) -> None:
        """Archive it. One that has run out stays as it is: its status cannot be changed."""
        key = await self._key(mark)
        if key is not None and key.status in {"active", "inactive"}:
            await self._set(mark, "archived")

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """None: it does not say."""
        return None

    async def _keys(self) -> list[_Key]:
        to = "list the keys"
        where = {"workspace_id": self._settings.workspace} if self._settings.workspace else {}

        async def following(found: list[_Key]) -> tuple[list[_Key], bool]:
            after = {"after_id": found[-1].id} if found else {}
            query = urlencode({"limit": KEYS_PER_PAGE, **where, **after})
            page = await self._api.tell(Ask(b"GET", f"/v1/organizations/api_keys?{query}", to), _Page)
            return page.data, page.has_more

        return await whole(WHO, to, following)

    async def _key(self, mark: KeyMark) -> _Key | None:
        return await self._api.tell_if_there(Ask(b"GET", _path(mark), f"show the key {mark.id}"), _Key)

    async def _set(self, mark: KeyMark, status: str) -> None:
        ask = Ask(b"POST", _path(mark), f"make the key {mark.id} {status}", {"status": status}, repeatable=True)
        key = await self._api.tell_if_there(ask, _Key)
        if key is not None and key.status != status:
            raise RotationError(f"Anthropic says that the key {mark.id} is {key.status}, not {status}", passing=True)


def _path(mark: KeyMark) -> str:
    if not mark.id:
        raise RotationError("Anthropic's id of the key is not known")
    return f"/v1/organizations/api_keys/{quote(mark.id, safe='')}"
