"""The step "switch", either way: the wanted key is written to its store, and every process takes it from there."""

from msgspec.structs import replace

from keywright.core.errors import RotationError, SecretAbsentError, SecretDeniedError, SecretReadOnlyError
from keywright.core.rotation import Rotation
from keywright.core.secret import Secret
from keywright.rotation import steps
from keywright.rotation.driver import Driver
from keywright.rotation.making import Making
from keywright.rotation.means import Means
from keywright.rotation.steps import PUT_BACK, shown, unwanted, wanted


class Switching:
    """The step "switch". `making`: begins again where the new key was lost before it was stored.

    Every method raises RotationError, SecretError or StoreError when it cannot.
    """

    def __init__(self, means: Means, making: Making) -> None:
        self._means = means
        self._making = making

    async def switch(self, rotation: Rotation, driver: Driver) -> Rotation:
        """Write the wanted key, or look who uses it."""
        current = await self._means.keys.current(rotation.credential)
        now_s = self._means.now_s()
        if current.fingerprint == wanted(rotation).fingerprint:
            return await self._wait_for_all(rotation)
        if current.fingerprint != unwanted(rotation).fingerprint:
            return steps.overtaken(rotation, now_s, current.fingerprint)
        if rotation.back:
            return await self._write_back(rotation, driver)
        held = self._means.held_of(rotation)
        if held is not None:
            return await self._write(rotation, held.secret)
        settled_s = max(rotation.step_s, rotation.written_s) + self._means.pace.settle_s
        if now_s < settled_s:
            return steps.waiting(rotation, now_s, settled_s, "whether the new key is stored is not known yet")
        if rotation.written_s:  # so a process may have come to use the new key
            return steps.turned_back(rotation, now_s, "rolled_back", PUT_BACK)
        return await self._making.begin_again(rotation, driver)

    async def _wait_for_all(self, rotation: Rotation) -> Rotation:
        """The store has the wanted key. Until every process uses it."""
        self._means.held.pop(rotation.id, None)
        await self._means.credentials.ask_all(rotation.credential)
        users = await self._means.credentials.users(rotation.credential)
        now_s = self._means.now_s()
        late = steps.behind(users, rotation, now_s, self._means.pace)
        if not rotation.back and not rotation.written_s:  # by who died before it could write that down
            rotation = replace(rotation, written_s=now_s)
        if late:
            why = f"{shown(wanted(rotation))} is stored, but not used yet by {steps.some(late)}"
            return steps.waiting(rotation, now_s, steps.look_again_s(rotation, now_s), why)
        return steps.moved(rotation, now_s, "drain", f"every process uses {shown(wanted(rotation))}")

    async def _write(self, rotation: Rotation, secret: Secret) -> Rotation:
        try:
            version = await self._means.keys.write(rotation.credential, secret)
        except (SecretReadOnlyError, SecretDeniedError) as error:
            raise RotationError(str(error)) from None
        now_s = self._means.now_s()
        what = f"{shown(wanted(rotation))} is stored{f' as version {version}' if version else ''}"
        return replace(steps.calm(steps.noted(rotation, now_s, what), now_s), written_s=now_s)

    async def _write_back(self, rotation: Rotation, driver: Driver) -> Rotation:
        """The old key is stored again, if there is one that works."""
        try:
            old = await self._means.keys.previous(rotation.credential)
        except SecretAbsentError as error:
            return steps.forwards(rotation, self._means.now_s(), str(error))
        if old.fingerprint != rotation.old.fingerprint:
            return steps.forwards(rotation, self._means.now_s(), "its store does not have the old one any more")
        if driver.disables:
            await driver.enable(rotation.old)
        proof = await self._means.prove(rotation.credential, old)
        if proof.life != "dead":
            return await self._write(rotation, old)
        now_s = self._means.now_s()
        if now_s < rotation.step_s + self._means.pace.patience_s:
            why = f"the old key is not accepted yet: {proof.why}"
            return steps.waiting(rotation, now_s, steps.look_again_s(rotation, now_s), why)
        return steps.forwards(rotation, now_s, f"the old key is not accepted: {proof.why}")
