"""Azure OpenAI: an account has two keys, Key1 and Key2, for ever. One is replaced by regenerating it, and what it was
before is dead at once.

So "create" regenerates the key that is not in use, "delete" regenerates the old one, and which one is in use is told by
its value alone: the values of both are read and compared with ours. Where neither is ours nothing is regenerated, for
it might be somebody else's; nor where the other one is in use here, as another credential. Whether somebody else uses
it, Azure does not tell. A key that is regenerated twice, because an answer was lost, was nobody's yet; so nothing
is ever left over, and no names are needed.

Asked is Azure's resource manager; it wants the actions `listKeys` and `regenerateKey` on the account.
"""

from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from keywright.core.errors import RotationError
from keywright.core.json import JsonObject
from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret
from keywright.rotation.administration import Administration, Ask, Login, obstacle_of
from keywright.rotation.driver import Created
from keywright.vault.fetch import Fetch

BASE_URL: Final = "https://management.azure.com"
SCOPE: Final = f"{BASE_URL}/.default"
"""What the login's token is for. Sovereign clouds have a resource manager, and a scope, of their own."""

API_VERSION: Final = "2025-06-01"
WHO: Final = "Azure's resource manager"


Taken: TypeAlias = Callable[[str], bool]
"""`taken(fingerprint)`: whether another credential here has that key."""


class AzureSettings(Struct, frozen=True):
    """Which account."""

    subscription: str
    resource_group: str
    account: str


class _Keys(Struct):
    """Both keys of an account."""

    key1: Secret
    key2: Secret

    def of(self, slot: str) -> Secret:
        return {"Key1": self.key1, "Key2": self.key2}[slot]

    def slot(self, fingerprint: str) -> str:
        """Which of the two has that fingerprint; "" when neither has."""
        return next((slot for slot in OTHER if self.of(slot).fingerprint == fingerprint), "")


OTHER: Final = {"Key1": "Key2", "Key2": "Key1"}
"""A slot → the other one."""


class AzureDriver:
    """Replaces a key of an account. `login`: a bearer token for the resource manager at `base_url`."""

    kind: DriverKind = "two-slot"
    creates = True
    disables = False
    deletes = True

    def __init__(self, fetch: Fetch, base_url: str, login: Login, settings: AzureSettings, taken: Taken) -> None:
        self._taken = taken
        self._api = Administration(fetch, WHO, base_url, login, public=base_url == BASE_URL)
        self._account = settings.account
        self._path = (
            f"/subscriptions/{quote(settings.subscription, safe='')}"
            f"/resourceGroups/{quote(settings.resource_group, safe='')}"
            f"/providers/Microsoft.CognitiveServices/accounts/{quote(settings.account, safe='')}"
        )

    async def find(self, secret: Secret) -> KeyMark:
        """Which of the two it is."""
        return self._mark(self._slot(await self._keys(), secret.fingerprint), secret)

    async def obstacle(self, old: KeyMark) -> str:
        """The key in use is neither of the two, or both are in use here."""
        return await obstacle_of(self._free_slot(old))

    async def create(self, name: str, old: KeyMark) -> Created:
        """Give the key that is not `old` another value. There are no names."""
        slot = await self._free_slot(old)
        secret = await self._regenerate(slot)
        return Created(self._mark(slot, secret), secret)

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """None: a key whose new value was lost is the one that will be regenerated again."""
        return ()

    async def disable(self, mark: KeyMark) -> None:
        """Nothing: these keys cannot be turned off."""

    async def enable(self, mark: KeyMark) -> None:
        """Nothing."""

    async def delete(self, mark: KeyMark) -> None:
        """Give the key another value, which nobody is told, unless it has another one already."""
        slot = (await self._keys()).slot(mark.fingerprint)
        if slot:
            await self._regenerate(slot)

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """None: it does not say."""
        return None

    def _mark(self, slot: str, secret: Secret) -> KeyMark:
        return KeyMark(slot, secret.fingerprint, f"{self._account} {slot}")

    async def _free_slot(self, old: KeyMark) -> str:
        """The slot of which the value is nobody's."""
        keys = await self._keys()
        slot = OTHER[self._slot(keys, old.fingerprint)]
        if self._taken(keys.of(slot).fingerprint):
            raise RotationError(
                f"both keys of the Azure account {self._account} are in use here, so that none can be regenerated "
                f"without ending the calls of one credential: take away the one whose key is {slot}, and rotate again"
            )
        return slot

    def _slot(self, keys: _Keys, fingerprint: str) -> str:
        """The slot of the key in use."""
        slot = keys.slot(fingerprint)
        if not slot:
            raise RotationError(
                f"neither key of the Azure account {self._account} is the one in use ({fingerprint}), so that none can "
                "be regenerated without ending somebody's: store one of its two keys as the key in use, or correct "
                "rotation.subscription, resource_group and account"
            )
        return slot

    async def _keys(self) -> _Keys:
        return await self._post("listKeys", "tell the keys", repeatable=True)

    async def _regenerate(self, slot: str) -> Secret:
        keys = await self._post("regenerateKey", f"regenerate {slot}", {"keyName": slot}, repeatable=False)
        return keys.of(slot)

    async def _post(self, action: str, to: str, body: JsonObject | None = None, *, repeatable: bool) -> _Keys:
        path = f"{self._path}/{action}?api-version={API_VERSION}"
        ask = Ask(b"POST", path, f"{to} of the account {self._account}", body, repeatable=repeatable)
        return await self._api.tell(ask, _Keys)
