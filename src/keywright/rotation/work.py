"""What is done in each step of a rotation: one thing at a time, after which what became of it is written down.

A method is given the rotation as it was written down last, does what comes next, and returns what to write. Whatever it
does may have been done already, by a process that died before it could write: so each looks first at what is there.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from keywright.core.errors import RotationError, SecretAbsentError, SecretDeniedError, SecretReadOnlyError
from keywright.core.rotation import CredentialFacts, KeyMark, Rotation
from keywright.core.secret import Secret
from keywright.rotation import steps
from keywright.rotation.driver import NAME_PREFIX, Driver
from keywright.rotation.steps import Pace, Proofs, shown, unwanted, wanted
from keywright.rotation.surroundings import CredentialRecords, Keys, Prove, Target

NAMES_MAX: Final = 3
"""Of processes that one message names."""
PUT_BACK: Final = "somebody has put it back into its store"


class Held:
    """The secret of a new key, from when it is made until it is stored, and what was proven of it."""

    __slots__ = ("proofs", "secret")

    def __init__(self, secret: Secret) -> None:
        self.secret = secret
        self.proofs = Proofs()

    def __repr__(self) -> str:
        return f"<held {self.secret.fingerprint}>"


class Work:
    """The steps. `held`: new keys' secrets by rotation; they are nowhere else until they are stored.

    Every method raises RotationError, SecretError or StoreError when it cannot.
    """

    def __init__(
        self, keys: Keys, prove: Prove, credentials: CredentialRecords, now_s: Callable[[], int], pace: Pace
    ) -> None:
        self.held: dict[str, Held] = {}
        self._keys = keys
        self._prove = prove
        self._credentials = credentials
        self._now_s = now_s
        self._pace = pace

    async def turn(self, rotation: Rotation, target: Target) -> Rotation:
        """Do what comes next."""
        if rotation.driver == "federated":
            return await self._renew(rotation, target)
        driver = target.driver
        if driver is None or driver.kind != rotation.driver:
            raise RotationError(f"{rotation.credential} has no {rotation.driver} driver any more: {target.lacks}")
        match rotation.step:
            case "create":
                return await self._create(rotation, driver)
            case "verify":
                return await self._verify(rotation, driver)
            case "switch":
                return await self._switch(rotation, driver)
            case "drain":
                return await self._drain(rotation, driver, target.drain_s)
            case "disable":
                return await self._disable(rotation, driver, target.hold_s)
            case "delete":
                return await self._delete(rotation, driver)

    async def _renew(self, rotation: Rotation, target: Target) -> Rotation:
        if target.renew is None:
            raise RotationError(f"{rotation.credential} is not federated any more")
        await target.renew()
        return steps.ended(rotation, self._now_s(), "done")

    async def _create(self, rotation: Rotation, driver: Driver) -> Rotation:
        name = key_name(rotation)
        if not driver.creates:
            return steps.awaiting_key(rotation, self._now_s(), await _by_hand(driver, name, rotation.old))
        if not rotation.tried_s:
            obstacle = await driver.obstacle(rotation.old)
            if obstacle:
                raise RotationError(obstacle)
            return steps.tried(rotation, self._now_s())
        await self._end_orphans(rotation, driver)
        created = await driver.create(name, rotation.old)
        self.held[rotation.id] = Held(created.secret)
        new = replace(created.mark, fingerprint=created.secret.fingerprint)
        return steps.created(rotation, self._now_s(), new, created.expires_s)

    async def _verify(self, rotation: Rotation, driver: Driver) -> Rotation:
        held = self._held(rotation)
        if held is None:
            return await self._begin_again(rotation, driver)
        proof = await self._prove(rotation.credential, held.secret)
        held.proofs = steps.added(held.proofs, proof.life)
        now_s = self._now_s()
        match steps.judged(held.proofs, rotation.step_s, now_s, self._pace):
            case "accepted":
                what = "the new key is accepted" if held.proofs.lives else f"the new key is taken on trust: {proof.why}"
                return steps.moved(rotation, now_s, "switch", what)
            case "wait":
                return steps.waiting(rotation, now_s, now_s + steps.pause_s(held.proofs))
            case "refused":
                return steps.turned_back(rotation, now_s, "failed", f"the new key is not accepted: {proof.why}")

    async def _begin_again(self, rotation: Rotation, driver: Driver) -> Rotation:
        """The new key is stored nowhere, and its secret is lost."""
        now_s = self._now_s()
        if not driver.creates:
            return steps.awaiting_key(rotation, now_s, "the new key was lost before it was stored: paste it again")
        await _end(driver, rotation.new)
        return steps.again(rotation, now_s)

    async def _switch(self, rotation: Rotation, driver: Driver) -> Rotation:
        current = await self._keys.current(rotation.credential)
        now_s = self._now_s()
        if current.fingerprint == wanted(rotation).fingerprint:
            return await self._wait_for_all(rotation)
        if current.fingerprint != unwanted(rotation).fingerprint:
            return _overtaken(rotation, now_s, current)
        if rotation.back:
            return await self._write_back(rotation, driver)
        held = self._held(rotation)
        if held is None:
            settled_s = max(rotation.step_s, rotation.written_s) + self._pace.settle_s
            if now_s < settled_s:
                return steps.waiting(rotation, now_s, settled_s, "whether the new key is stored is not known yet")
            if rotation.written_s:  # so a process may have come to use the new key
                return steps.turned_back(rotation, now_s, "rolled_back", PUT_BACK)
            return await self._begin_again(rotation, driver)
        return await self._write(rotation, held.secret)

    async def _wait_for_all(self, rotation: Rotation) -> Rotation:
        """The store has the wanted key. Until every process uses it."""
        self.held.pop(rotation.id, None)
        await self._credentials.ask_all(rotation.credential)
        users = await self._credentials.users(rotation.credential)
        now_s = self._now_s()
        late = steps.behind(users, rotation, now_s, self._pace)
        if not rotation.back and not rotation.written_s:  # by who died before it could write that down
            rotation = replace(rotation, written_s=now_s)
        if late:
            why = f"{shown(wanted(rotation))} is stored, but not used yet by {_some(late)}"
            return steps.waiting(rotation, now_s, steps.look_again_s(rotation, now_s), why)
        return steps.moved(rotation, now_s, "drain", f"every process uses {shown(wanted(rotation))}")

    async def _write(self, rotation: Rotation, secret: Secret) -> Rotation:
        try:
            version = await self._keys.write(rotation.credential, secret)
        except (SecretReadOnlyError, SecretDeniedError) as error:
            raise RotationError(str(error)) from None
        now_s = self._now_s()
        what = f"{shown(wanted(rotation))} is stored{f' as version {version}' if version else ''}"
        return replace(steps.calm(steps.noted(rotation, now_s, what), now_s), written_s=now_s)

    async def _write_back(self, rotation: Rotation, driver: Driver) -> Rotation:
        """The old key is stored again, if there is one that works."""
        try:
            old = await self._keys.previous(rotation.credential)
        except SecretAbsentError as error:
            return steps.forwards(rotation, self._now_s(), str(error))
        if old.fingerprint != rotation.old.fingerprint:
            return steps.forwards(rotation, self._now_s(), "its store does not have the old one any more")
        if driver.disables:
            await driver.enable(rotation.old)
        proof = await self._prove(rotation.credential, old)
        if proof.life != "dead":
            return await self._write(rotation, old)
        now_s = self._now_s()
        if now_s < rotation.step_s + self._pace.patience_s:
            why = f"the old key is not accepted yet: {proof.why}"
            return steps.waiting(rotation, now_s, steps.look_again_s(rotation, now_s), why)
        return steps.forwards(rotation, now_s, f"the old key is not accepted: {proof.why}")

    async def _drain(self, rotation: Rotation, driver: Driver, drain_s: float) -> Rotation:
        now_s = self._now_s()
        if now_s < rotation.step_s + drain_s:
            return steps.waiting(rotation, now_s, rotation.step_s + drain_s)
        changed = await self._unsafe(rotation, driver)
        if changed is not None:
            return changed
        used_s = await driver.last_used_s(unwanted(rotation))
        quiet_s, why = steps.quiet_from_s(rotation, used_s, drain_s, self._pace)
        if now_s < quiet_s:
            look_s = min(quiet_s, steps.look_again_s(rotation, now_s))
            return steps.waiting(rotation, now_s, look_s, why)
        return steps.moved(rotation, now_s, "disable", f"nobody uses {shown(unwanted(rotation))} any more")

    async def _disable(self, rotation: Rotation, driver: Driver, hold_s: float) -> Rotation:
        changed = await self._unsafe(rotation, driver)
        if changed is not None:
            return changed
        now_s = self._now_s()
        if rotation.back or not driver.disables:
            return steps.moved(rotation, now_s, "delete", "there is nothing to disable")
        if not rotation.disabled_s:
            await driver.disable(rotation.old)
            off = steps.noted(rotation, now_s, f"{shown(rotation.old)} is disabled")
            return replace(steps.calm(off, now_s), disabled_s=now_s)
        held_until_s = rotation.disabled_s + hold_s
        if now_s < held_until_s:
            return steps.waiting(rotation, now_s, min(held_until_s, now_s + self._pace.look_s))
        return steps.moved(rotation, now_s, "delete", "nobody has missed it")

    async def _delete(self, rotation: Rotation, driver: Driver) -> Rotation:
        now_s = self._now_s()
        if rotation.tried_s and now_s < rotation.tried_s + self._pace.settle_s:
            return steps.waiting(rotation, now_s, rotation.tried_s + self._pace.settle_s)
        changed = await self._unsafe(rotation, driver)
        if changed is not None:
            return changed
        refusal = await self._refusal(rotation)
        if refusal:
            return steps.waiting(rotation, now_s, steps.look_again_s(rotation, now_s), refusal)
        await self._end_orphans(rotation, driver)
        left = await _end(driver, unwanted(rotation))
        if rotation.written_s:
            left = await self._forget(rotation) or left
        await self._credentials.note(rotation.credential, lambda facts: _facts(facts, rotation, now_s))
        outcome = rotation.back or "done"
        trouble = "; ".join(part for part in (rotation.back_why if outcome == "failed" else "", left) if part)
        return steps.ended(rotation, now_s, outcome, trouble)

    async def _unsafe(self, rotation: Rotation, driver: Driver) -> Rotation | None:
        """What to do instead of ending the unwanted key, when somebody has come to use it again; else None."""
        current = await self._keys.current(rotation.credential)
        users = await self._credentials.users(rotation.credential)
        now_s = self._now_s()
        late = steps.using(users, rotation, now_s, self._pace)
        if current.fingerprint == wanted(rotation).fingerprint and not late:
            return None
        if current.fingerprint not in {rotation.old.fingerprint, rotation.new.fingerprint}:
            return _overtaken(rotation, now_s, current)
        if rotation.disabled_s and not rotation.back:
            await self._enable(rotation, driver)
        if current.fingerprint == rotation.old.fingerprint and not rotation.back:
            return steps.turned_back(rotation, now_s, "rolled_back", PUT_BACK)
        why = f"{shown(unwanted(rotation))} is used again by {_some(late)}" if late else "it is stored again"
        return replace(steps.moved(rotation, now_s, "switch", why), disabled_s=0)

    async def _refusal(self, rotation: Rotation) -> str:
        """Why the unwanted key may not end, as it may be the only one that works; "" when it may."""
        if rotation.insisted or not rotation.written_s:
            return ""
        proof = await self._prove(rotation.credential, await self._keys.current(rotation.credential))
        if proof.life != "dead":
            return ""
        return f"{shown(wanted(rotation))}, which stays, is refused by its provider ({proof.why}): the other is kept"

    async def _enable(self, rotation: Rotation, driver: Driver) -> None:
        """Turn the old key on again, as calls are made with it; never given up."""
        try:
            await driver.enable(rotation.old)
        except RotationError as error:
            raise RotationError(f"{shown(rotation.old)} is needed, but: {error}", passing=True) from None

    async def _end_orphans(self, rotation: Rotation, driver: Driver) -> None:
        """End the keys that this rotation has made, and of which nobody has the secret."""
        is_told_apart = bool(rotation.new.id) or not rotation.new.fingerprint
        if rotation.tried_s and is_told_apart:
            kept = {rotation.old.id, rotation.new.id}
            for mark in await driver.made(key_name(rotation), rotation.old):
                if mark.id not in kept:
                    await _end(driver, mark)

    async def _forget(self, rotation: Rotation) -> str:
        """Have the store forget the key that has ended; what is left to do by hand, "" when nothing is."""
        try:
            await self._keys.forget(rotation.credential)
        except (SecretReadOnlyError, SecretDeniedError) as error:
            return f"the store still has the value of {shown(unwanted(rotation))}: {error}"
        return ""

    def _held(self, rotation: Rotation) -> Held | None:
        """The new key's secret, if it is the one that is written down."""
        held = self.held.get(rotation.id)
        return held if held is not None and held.secret.fingerprint == rotation.new.fingerprint else None


def key_name(rotation: Rotation) -> str:
    """How the keys are called that it makes."""
    return f"{NAME_PREFIX}{rotation.id}"


async def _end(driver: Driver, mark: KeyMark) -> str:
    """End a key, as far as its provider can; what is left to do by hand, "" when nothing is."""
    if not mark.id and not mark.fingerprint:
        return ""
    if driver.deletes:
        await driver.delete(mark)
        return ""
    if driver.disables:
        await driver.disable(mark)
        return ""
    return f"revoke {shown(mark)} at its provider by hand: it still works"


async def _by_hand(driver: Driver, name: str, old: KeyMark) -> str:
    """Where a person makes the key that this driver cannot make."""
    try:
        await driver.create(name, old)
    except RotationError as error:
        return str(error)
    return "make a new key at the provider and paste it"


def _overtaken(rotation: Rotation, now_s: int, current: Secret) -> Rotation:
    """Somebody has stored a third key meanwhile. Which of the two others still counts for whom is not known here."""
    left = ", ".join(shown(mark) for mark in (rotation.old, rotation.new) if mark.id or mark.fingerprint)
    why = f"somebody has stored another key meanwhile ({current.fingerprint}); end by hand what is not used of {left}"
    return steps.ended(rotation, now_s, "failed", why)


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


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more
