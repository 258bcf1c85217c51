"""Keys that a person makes and ends in the provider's console, because the provider has no API for it, or because we
have no admin key for that API.

Some providers tell a key's name, or their id of it, to whoever asks with the key itself. That is for people only: where
it is not told, nothing is missing, so a provider that does not answer keeps no rotation from going on.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.errors import RotationError, SecretError
from keywright.core.json import Json
from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret
from keywright.rotation.consoles import by_hand
from keywright.rotation.driver import Created
from keywright.vault.fetch import Fetch, Question, Where
from keywright.vault.hidden import Hidden

NAME_CHARACTERS_MAX: Final = 200


class Look(Struct, frozen=True):
    """What a key may ask about itself: where, and the members that lead to its id and its name in the answer."""

    url: str
    method: bytes = b"GET"
    id_at: tuple[str, ...] = ()
    name_at: tuple[str, ...] = ()
    where: Where = "public"


LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "cohere": Look("https://api.cohere.com/v1/check-api-key", b"POST", name_at=("organization_id",)),
        "huggingface": Look("https://huggingface.co/api/whoami-v2", name_at=("auth", "accessToken", "displayName")),
        "openrouter": Look("https://openrouter.ai/api/v1/key", name_at=("data", "label")),
        "xai": Look("https://api.x.ai/v1/api-key", id_at=("api_key_id",), name_at=("name",)),
    }
)
"""Kind of provider → what its keys may ask at the provider's own address."""


class AssistedDriver:
    """Says what a person has to do with keys of a provider of `kind_of_provider`, and does nothing itself. `look`: None
    where there is nothing to ask, or where the operator wrote an address for the provider, which its keys are for.
    """

    kind: DriverKind = "assisted"
    creates = False
    disables = False
    deletes = False

    def __init__(self, fetch: Fetch, kind_of_provider: str, look: Look | None = None) -> None:
        self._fetch = fetch
        self._provider = kind_of_provider
        self._look = look

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key, with what it may know of itself."""
        if self._look is None:
            return KeyMark(fingerprint=secret.fingerprint)
        answer = await self._answer(self._look, secret)
        key_id, name = (_text_at(answer, members) for members in (self._look.id_at, self._look.name_at))
        return KeyMark(key_id, secret.fingerprint, name)

    async def obstacle(self, old: KeyMark) -> str:
        """Always that a person makes them, and where."""
        return by_hand(self._provider)

    async def create(self, name: str, old: KeyMark) -> Created:
        """Always a RotationError, which says the same."""
        raise RotationError(by_hand(self._provider))

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """None."""
        return ()

    async def disable(self, mark: KeyMark) -> None:
        """Nothing."""

    async def enable(self, mark: KeyMark) -> None:
        """Nothing."""

    async def delete(self, mark: KeyMark) -> None:
        """Nothing: a person does."""

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """None: it does not say."""
        return None

    async def _answer(self, look: Look, secret: Secret) -> Json:
        """What the provider says of the key; None when it says nothing."""
        question = Question(
            who=self._provider,
            url=look.url,
            where=look.where,
            method=look.method,
            headers=((b"authorization", b"Bearer " + secret.reveal().encode()),),
            hidden=Hidden(secret),
            repeatable=True,
        )
        try:
            reply = await self._fetch.ask(question)
            found: Json = msgspec.json.decode(reply.body) if reply.status == 200 else None
        except (SecretError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return found


def _text_at(answer: Json, members: tuple[str, ...]) -> str:
    """The text to which `members` lead; "" when they lead to none."""
    for member in members:
        answer = answer.get(member) if isinstance(answer, dict) else None
    return answer[:NAME_CHARACTERS_MAX] if members and isinstance(answer, str) else ""
