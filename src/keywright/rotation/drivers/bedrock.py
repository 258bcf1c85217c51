"""Amazon Bedrock's long-term keys: an IAM user may have two, and both do what the user may do.

So there is exactly one free slot to rotate into. A key is recognised by its public part: it is `ABSK` and the base64 of
`PUBLIC:SECRET`, and IAM lists what is public of each. Where the key in use is not among the user's, nothing is made,
for the new one would be another user's key with other rights.

**When the other slot is taken.** What is inactive or has run out is deleted to make room. An active key is deleted only
when it is `spare`: a rotation of ours left it over, and no credential uses it. For any other a person has to decide.

**When the answer to "create" is lost** the key exists and nobody knows it. Keys have no names, but as the one in use
takes one slot, what stands in the other and was not there before is that key: it is deleted, and another one made.
After a crash it is the same: a rotation begins only when the other slot is free, or will be made so.
"""

import math
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.core.errors import RotationError
from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret
from keywright.rotation.administration import obstacle_of
from keywright.rotation.driver import Created
from keywright.rotation.iam import GONE, AdminKeys, BedrockCredentials, Endpoint, IamRefusedError, Slot
from keywright.vault.fetch import Fetch

PREFIX: Final = "ABSK"
DAY_S: Final = 86_400

Spare: TypeAlias = Callable[[str], Awaitable[bool]]
"""`await spare(key_id)`: whether the key with that id was left over by a rotation of ours, as its old key or as its new
one, and no credential uses it.
"""


class BedrockSettings(Struct, frozen=True):
    """Whose keys. `lifetime_s`: of new keys, in whole days, rounded up; None for ever."""

    user: str
    lifetime_s: int | None = None


class BedrockDriver:
    """Replaces a key of an IAM user. `keys`: AWS keys that may administer the user's service-specific credentials."""

    kind: DriverKind = "two-slot"
    creates = True
    disables = True
    deletes = True

    def __init__(self, fetch: Fetch, where: Endpoint, keys: AdminKeys, settings: BedrockSettings, spare: Spare) -> None:
        self._credentials = BedrockCredentials(fetch, where, keys, settings.user)
        self._settings = settings
        self._spare = spare

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret, which must be the user's."""
        public = public_part(secret)
        found = [slot for slot in await self._credentials.all() if public and public == slot.public]
        if len(found) != 1:
            raise RotationError(
                f"the key {secret.fingerprint} is none of the Bedrock keys of the IAM user {self._settings.user}: "
                "correct rotation.user, or store a long-term key (ABSK…) of that user as the key in use"
            )
        return KeyMark(found[0].id, secret.fingerprint, public)

    async def obstacle(self, old: KeyMark) -> str:
        """The other slot is somebody's, or the key in use is gone."""
        return await obstacle_of(self._others(old))

    async def create(self, name: str, old: KeyMark) -> Created:
        """Make a key in the slot that is not `old`'s. There are no names."""
        for other in await self._others(old):
            await self._credentials.delete(other.id)
        slot, secret = await self._make(old)
        return Created(KeyMark(slot.id, secret.fingerprint, public_part(secret)), secret, slot.expires_s)

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """The key in the other slot. Once `old` is gone the slots are anybody's, and nothing is told."""
        slots = await self._credentials.all()
        if old.id not in [slot.id for slot in slots]:
            return ()
        return tuple(KeyMark(slot.id, "", slot.public) for slot in slots if slot.id != old.id)

    async def disable(self, mark: KeyMark) -> None:
        """Make it inactive."""
        slot = await self._slot(mark)
        if slot is not None and slot.is_active:
            try:
                await self._credentials.turn(slot.id, "Inactive")
            except IamRefusedError as error:
                if error.code != GONE:
                    raise

    async def enable(self, mark: KeyMark) -> None:
        """Make it active again."""
        slot = await self._slot(mark)
        if slot is None or slot.status == "Expired":
            raise RotationError(f"the Bedrock key {mark.id} is gone or has run out, and cannot be made active again")
        if not slot.is_active:
            await self._credentials.turn(slot.id, "Active")

    async def delete(self, mark: KeyMark) -> None:
        """End it."""
        if not mark.id:
            raise RotationError("IAM's id of the Bedrock key is not known")
        await self._credentials.delete(mark.id)

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """None: IAM does not say."""
        return None

    async def _slot(self, mark: KeyMark) -> Slot | None:
        return next((slot for slot in await self._credentials.all() if slot.id == mark.id), None)

    async def _others(self, old: KeyMark) -> tuple[Slot, ...]:
        """What has to be deleted to make room beside `old`: nothing, or a key that nobody will miss.

        Raises:
            RotationError: there is no room, or no `old`.
        """
        user, slots = self._settings.user, await self._credentials.all()
        others = tuple(slot for slot in slots if slot.id != old.id)
        if len(others) == len(slots):
            raise RotationError(
                f"the key in use ({old.id or old.fingerprint}) is not among the Bedrock keys of the IAM user {user}, "
                "so that a key with the same rights cannot be made"
            )
        for other in others:
            if other.is_active and not await self._spare(other.id):
                raise RotationError(
                    f"the IAM user {user} has two active Bedrock keys and may have no third, and the other one, "
                    f"{other.id} ({other.public}), was left over by no rotation here, or another credential uses it. "
                    f"If nobody uses it: aws iam update-service-specific-credential --user-name {user} "
                    f"--service-specific-credential-id {other.id} --status Inactive; then rotate again"
                )
        return others

    async def _make(self, old: KeyMark) -> tuple[Slot, Secret]:
        """A new key beside `old`, which is alone. One that is made without our learning its secret is deleted."""
        try:
            return await self._credentials.create(self._age_days())
        except RotationError:
            if not await self._end_strays(old):
                raise
        try:
            return await self._credentials.create(self._age_days())
        except RotationError:
            await self._end_strays(old)
            raise

    async def _end_strays(self, old: KeyMark) -> bool:
        """Delete what is beside `old`; whether there was anything."""
        strays = await self.made("", old)
        for mark in strays:
            await self._credentials.delete(mark.id)
        return bool(strays)

    def _age_days(self) -> int | None:
        lifetime_s = self._settings.lifetime_s
        return None if lifetime_s is None else math.ceil(lifetime_s / DAY_S)


def public_part(secret: Secret) -> str:
    """The part of a long-term key that is no secret: which user's it is, of which account; "" for any other key."""
    if not secret.reveal().startswith(PREFIX):
        return ""
    try:
        text = b64decode(secret.reveal().removeprefix(PREFIX), validate=True).decode("ascii")
    except ValueError:
        return ""
    public, colon, _ = text.partition(":")
    return public if colon else ""
