"""The last steps: the unwanted key is left alone until nobody uses it, turned off for a while, and ended.

Before each, it is looked whether somebody has come to use it again.
"""

from msgspec.structs import replace

from keywright.core.errors import RotationError, SecretDeniedError, SecretReadOnlyError
from keywright.core.rotation import CredentialFacts, Rotation
from keywright.rotation import steps
from keywright.rotation.driver import Driver
from keywright.rotation.leftovers import end, end_orphans
from keywright.rotation.means import Means
from keywright.rotation.steps import PUT_BACK, shown, unwanted, wanted


class Ending:
    """The steps "drain", "disable" and "delete". Every method raises RotationError, SecretError or StoreError when it
    cannot.
    """

    def __init__(self, means: Means) -> None:
        self._means = means

    async def drain(self, rotation: Rotation, driver: Driver, drain_s: float) -> Rotation:
        """Wait until nobody uses the unwanted key any more."""
        now_s = self._means.now_s()
        if now_s < rotation.step_s + drain_s:
            return steps.waiting(rotation, now_s, rotation.step_s + drain_s)
        changed = await self._unsafe(rotation, driver)
        if changed is not None:
            return changed
        used_s = await driver.last_used_s(unwanted(rotation))
        quiet_s, why = steps.quiet_from_s(rotation, used_s, drain_s, self._means.pace)
        if now_s < quiet_s:
            look_s = min(quiet_s, steps.look_again_s(rotation, now_s))
            return steps.waiting(rotation, now_s, look_s, why)
        return steps.moved(rotation, now_s, "disable", f"nobody uses {shown(unwanted(rotation))} any more")

    async def disable(self, rotation: Rotation, driver: Driver, hold_s: float) -> Rotation:
        """Turn the old key off, where that can be, and look for who misses it."""
        changed = await self._unsafe(rotation, driver)
        if changed is not None:
            return changed
        now_s = self._means.now_s()
        if rotation.back or not driver.disables:
            return steps.moved(rotation, now_s, "delete", "there is nothing to disable")
        if not rotation.disabled_s:
            await driver.disable(rotation.old)
            off = steps.noted(rotation, now_s, f"{shown(rotation.old)} is disabled")
            return replace(steps.calm(off, now_s), disabled_s=now_s)
        held_until_s = rotation.disabled_s + hold_s
        if now_s < held_until_s:
            return steps.waiting(rotation, now_s, min(held_until_s, now_s + self._means.pace.look_s))
        return steps.moved(rotation, now_s, "delete", "nobody has missed it")

    async def delete(self, rotation: Rotation, driver: Driver) -> Rotation:
        """End the unwanted key, and all that this rotation has left over."""
        now_s = self._means.now_s()
        settled_s = rotation.tried_s + self._means.pace.settle_s
        if rotation.tried_s and now_s < settled_s:
            return steps.waiting(rotation, now_s, settled_s)
        changed = await self._unsafe(rotation, driver)
        if changed is not None:
            return changed
        refusal = await self._refusal(rotation)
        if refusal:
            return steps.waiting(rotation, now_s, steps.look_again_s(rotation, now_s), refusal)
        await end_orphans(rotation, driver)
        left = await end(driver, unwanted(rotation))
        if rotation.written_s:
            left = await self._forget(rotation) or left
        await self._means.credentials.note(rotation.credential, lambda facts: _facts(facts, rotation, now_s))
        outcome = rotation.back or "done"
        trouble = "; ".join(part for part in (rotation.back_why if outcome == "failed" else "", left) if part)
        return steps.ended(rotation, now_s, outcome, trouble)

    async def _unsafe(self, rotation: Rotation, driver: Driver) -> Rotation | None:
        """What to do instead of ending the unwanted key, when somebody has come to use it again; else None."""
        current = await self._means.keys.current(rotation.credential)
        users = await self._means.credentials.users(rotation.credential)
        now_s = self._means.now_s()
        late = steps.using(users, rotation, now_s, self._means.pace)
        if current.fingerprint == wanted(rotation).fingerprint and not late:
            return None
        if current.fingerprint not in {rotation.old.fingerprint, rotation.new.fingerprint}:
            return steps.overtaken(rotation, now_s, current.fingerprint)
        if rotation.disabled_s and not rotation.back:
            await _enable(rotation, driver)
        if current.fingerprint == rotation.old.fingerprint and not rotation.back:
            return steps.turned_back(rotation, now_s, "rolled_back", PUT_BACK)
        why = f"{shown(unwanted(rotation))} is used again by {steps.some(late)}" if late else "it is stored again"
        return replace(steps.moved(rotation, now_s, "switch", why), disabled_s=0)

    async def _refusal(self, rotation: Rotation) -> str:
        """Why the unwanted key may not end, as it may be the only one that works; "" when it may."""
        if rotation.insisted or not rotation.written_s:
            return ""
        current = await self._means.keys.current(rotation.credential)
        proof = await self._means.prove(rotation.credential, current)
        if proof.life != "dead":
            return ""
        return f"{shown(wanted(rotation))}, which stays, is refused by its provider ({proof.why}): the other is kept"

    async def _forget(self, rotation: Rotation) -> str:
        """Have the store forget the key that has ended; what is left to do by hand, "" when nothing is."""
        try:
            await self._means.keys.forget(rotation.credential)
        except (SecretReadOnlyError, SecretDeniedError) as error:
            return f"the store still has the value of {shown(unwanted(rotation))}: {error}"
        return ""


async def _enable(rotation: Rotation, driver: Driver) -> None:
    """Turn the old key on again, as calls are made with it; never given up."""
    try:
        await driver.enable(rotation.old)
    except RotationError as error:
        raise RotationError(f"{shown(rotation.old)} is needed, but: {error}", passing=True) from None


def _facts(facts: CredentialFacts, rotation: Rotation, now_s: int) -> CredentialFacts:
    """What is known of the credential at the end."""
    if rotation.back:
        return facts
    return replace(
        facts,
        fingerprint=rotation.new.fingerprint,
        since_s=rotation.tried_s or rotation.began_s,
        verified_s=now_s,
        key_id=rotation.new.id,
        expires_s=rotation.expires_s,
        reminded_s=0,
    )
