"""The machine that replaces a provider's key without a call that fails: one key in use before, during and after.

    create    the provider makes a key; or a person does, and pastes it
    verify    it is tried until the provider accepts it
    switch    it is written to the store that owns the key; every process reads it and says that it uses it
    drain     the old key is left alone until nobody uses it
    disable   the old key is turned off, for a while, where the provider can
    delete    the old key ends; what was left of earlier tries ends with it

Durable. What a rotation is at stands in the database before it is done, and what became of it before anything else is
done (`steps.py` decides, `work.py` does: `making.py`, `switching.py`, `ending.py`). A process may die between any two
instructions. Who goes on looks at what is there, and never at what ought to be:

- Dead before a new key was written down: `tried_s` says that there may be one. Keys are called by the rotation's id, so
  the provider is asked for them, and all are ended before another is made; and once more at the end, since a provider's
  list may be behind.
- Dead with the new secret in memory: it is nowhere else. A second place would be one more to leak from, and would have
  to be cleaned in turn. The key, whose id is written down, is ended, and another one made.
- Dead around the write to the store: its fingerprint was written down before, so the store's content tells which of
  the two keys it has. If it still is the old one after `settle_s`, the write did not happen.

One at a time. Who works at a rotation has a claim on it in the database, renewed before each thing that is done, and
nothing is saved without it. A thing takes `effect_s` at most, less than a claim lasts.

No call fails. The old key ends only when its store has the new one, every process that shows life has said that it
uses that, `drain_s` have passed, and the provider, where it tells, has not seen the old one used. All of that but the
last is asked again right before; a process that turns up with the old key turns it on again. Processes that have shown
no life for `silent_s` are not waited for: they read their stores again within that time without being asked, and after
a refusal at once. Who still uses the key at its provider and is none of ours is waited for for a day, and people are
told; then, or when one insists, it ends.

Back. Until the old key is being deleted, a rotation can turn back: the same steps from "switch" on with the two keys
exchanged. So it does by itself when the provider makes no key, or none that is accepted, or when the store does not
take it. Once the new key is in use it is not taken back by itself: it works, and what cannot be ended is left to a
person. A key that is refused is never put back.

Somebody else may write a third key to the store meanwhile. Then the rotation ends and ends no key, for an id at a
provider may by then belong to that key (of two slots, one).

Rejected: keeping the new secret sealed in our database until it is stored (above). A task per rotation that sleeps
through it: after a start there would be none; here whoever asks moves it on. A timeout instead of asking the processes.
Two generations of keys in use at a time, as for signing keys: providers with one or two slots cannot.

Left open: a process that is stopped for longer than its claim in the middle of one question to the world may still
finish that question, when somebody else has gone on; no lease prevents that where the other side knows no fencing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import ChangeRefusedError, RotationError, SecretError, StoreError
from keywright.core.rotation import KeyMark, Rotation
from keywright.core.secret import Secret
from keywright.rotation import steps
from keywright.rotation.claims import Claims
from keywright.rotation.driver import Driver
from keywright.rotation.means import Held
from keywright.rotation.plan import Plan, planned
from keywright.rotation.steps import USUAL, Pace
from keywright.rotation.surroundings import Surroundings, Target
from keywright.rotation.work import Work

LOOK_S_MAX: Final = 5.0
"""How long `drive` sleeps at most; less than a claim lasts."""
LOOK_S_MIN: Final = 0.5
PASTED_LOOKS: Final = 3
"""How often a pasted key is tried before it is refused."""


class Engine:
    """Replaces keys. `holder` names this process; `new_id` makes rotations' ids; `pause` sleeps.

    Every method raises StoreError when the database cannot be asked; then what was begun is gone on with later.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        holder: str,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        pace: Pace = USUAL,
    ) -> None:
        self._surroundings = surroundings
        self._rotations = surroundings.records.rotations
        self._clock = clock
        self._new_id = new_id
        self._pause = pause
        self._pace = pace
        records = surroundings.records
        self._work = Work(surroundings.keys, surroundings.prove, records.credentials, self._now_s, pace)
        self._claims = Claims(self._rotations, holder, pace.claim_s, self._work.held, self._now_s, pause)

    async def plan(self, credential: str) -> Plan:
        """What a rotation would do, and what stands against it. Changes nothing.

        Raises:
            ChangeRefusedError: not_found.
        """
        return await planned(self._surroundings, credential)

    async def begin(self, credential: str, by: str, reason: str = "") -> Rotation:
        """Begin to replace the credential's key. Nothing is done yet but to write that down.

        Raises:
            ChangeRefusedError: not_found; conflict, something stands against it.
        """
        plan = await self.plan(credential)
        target = self._surroundings.targets(credential)
        if plan.obstacles or target is None:
            raise ChangeRefusedError("conflict", "; ".join(plan.obstacles))
        now_s = self._now_s()
        rotation = Rotation(
            id=self._new_id(),
            credential=credential,
            provider=target.provider,
            driver=target.kind,
            step="create",
            began_s=now_s,
            step_s=now_s,
            by=by,
            reason=reason,
            old=plan.old,
        )
        await self._rotations.begin(rotation, target.together)
        return rotation

    async def get(self, rotation_id: str) -> Rotation:
        """The rotation.

        Raises:
            ChangeRefusedError: not_found.
        """
        return await self._claims.get(rotation_id)

    async def advance(self, rotation_id: str) -> Rotation:
        """Go on until it has ended, waits for a key, or has to wait (`due_s`); at once, when somebody else is at it.

        Raises:
            ChangeRefusedError: not_found.
        """
        rotation = await self.get(rotation_id)
        has_key = rotation_id in self._work.held  # then the claim has to be renewed
        if self._claims.is_busy(rotation_id) or not (has_key or self._is_due(rotation)):
            return rotation
        async with self._claims.at(rotation_id):
            await self._go_on(rotation_id)
        return await self.get(rotation_id)

    async def drive(self, rotation_id: str, progress: Callable[[Rotation], None]) -> Rotation:
        """Go on to the end, or until it waits for a key, sleeping where it has to wait. `progress` is told of every
        change that is seen, also of what another process does.

        Raises:
            ChangeRefusedError: not_found.
        """
        told: Rotation | None = None
        while True:
            rotation = await self.advance(rotation_id)
            if rotation != told:
                progress(rotation)
                told = rotation
            if rotation.outcome or rotation.waits_for_key:
                return rotation
            await self._pause(min(max(rotation.due_s - self._now_s(), LOOK_S_MIN), LOOK_S_MAX))

    async def tend(self) -> tuple[Rotation, ...]:
        """Advance every rotation that has not ended and may be looked at now. To be called every second or so."""
        return tuple([await self.advance(one.id) for one in await self._rotations.running()])

    async def supply(self, rotation_id: str, secret: Secret, by: str) -> Rotation:
        """Go on with the key that `by` has made, as its rotation waits for it. The same key again changes nothing.

        Until it is stored, this process alone has it. Should that end, the rotation waits for the key again.

        Raises:
            ChangeRefusedError: not_found; conflict, it waits for none; invalid, it is the old key, or is refused by
                its provider.
        """
        known = await self.get(rotation_id)
        if not known.waits_for_key and known.new.fingerprint == secret.fingerprint:
            return known
        _require_waiting(known)
        async with self._claims.taken(rotation_id) as rotation:
            _require_waiting(rotation)
            if secret.fingerprint == rotation.old.fingerprint:
                raise ChangeRefusedError("invalid", "this is the key that is to be replaced, and no new one")
            await self._require_alive(rotation.credential, secret)
            mark = replace(await self._found(rotation, secret), fingerprint=secret.fingerprint)
            given = steps.noted(rotation, self._now_s(), f"{by} has given a key")
            await self._save(steps.created(given, self._now_s(), mark, None))
            self._work.held[rotation_id] = Held(secret)
        return await self.advance(rotation_id)

    async def roll_back(self, rotation_id: str, by: str) -> Rotation:
        """Let the old key stay, and the new one end. Possible until the old one is being deleted.

        Raises:
            ChangeRefusedError: not_found; conflict, it is too late, or the store does not have the old key any more.
        """
        async with self._claims.taken(rotation_id) as rotation:
            if rotation.back:
                return rotation
            if rotation.step == "delete" or rotation.driver == "federated":
                raise ChangeRefusedError("conflict", f"the rotation {rotation_id} cannot be rolled back any more")
            await self._require_previous(rotation)
            back = steps.turned_back(rotation, self._now_s(), "rolled_back", f"rolled back by {by}")
            self._work.held.pop(rotation_id, None)
            return await self._save(back)

    async def insist(self, rotation_id: str, by: str) -> Rotation:
        """Do not wait any longer for who is not known to use the new key: for others who use the old one at its
        provider, and for processes here that have no key. Whoever of ours calls with the old one is still waited for.

        Raises:
            ChangeRefusedError: not_found; conflict, it has ended.
        """
        async with self._claims.taken(rotation_id) as rotation:
            now_s = self._now_s()
            told = steps.noted(rotation, now_s, f"{by} insists on it")
            return await self._save(steps.calm(replace(told, insisted=True), now_s))

    async def close(self) -> None:
        """Give up new keys that are not stored, so that others may go on at once."""
        held = list(self._work.held)
        self._work.held.clear()
        for rotation_id in held:
            with contextlib.suppress(StoreError):
                await self._claims.release(rotation_id)

    async def _go_on(self, rotation_id: str) -> None:
        while (rotation := await self._claims.claim(rotation_id)) is not None:
            if not self._is_due(rotation) or not await self._turn(rotation):
                return
        self._work.held.pop(rotation_id, None)  # somebody else has gone on without it, or it has ended

    async def _turn(self, rotation: Rotation) -> bool:
        """Do what comes next and write down what became of it. False when somebody else has gone on meanwhile."""
        try:
            async with asyncio.timeout(self._pace.effect_s):
                following = await self._work.turn(rotation, self._target(rotation))
        except RotationError as error:
            following = self._failed(rotation, str(error), passing=error.passing)
        except SecretError as error:
            following = self._failed(rotation, str(error), passing=True)
        except TimeoutError:
            following = self._failed(rotation, f"no answer within {self._pace.effect_s:g} s", passing=True)
        saved = await self._claims.save(following)
        if not saved or following.step not in {"verify", "switch"} or following.back or following.outcome:
            self._work.held.pop(rotation.id, None)
        return saved

    def _failed(self, rotation: Rotation, why: str, *, passing: bool) -> Rotation:
        return steps.failed(rotation, self._now_s(), why, passing=passing, pace=self._pace)

    def _target(self, rotation: Rotation) -> Target:
        target = self._surroundings.targets(rotation.credential)
        if target is None:
            raise RotationError(f"the configuration does not name {rotation.credential} any more", passing=True)
        return target

    def _driver(self, rotation: Rotation) -> Driver:
        driver = self._target(rotation).driver
        if driver is None:
            raise RotationError(f"{rotation.credential} has no driver any more")
        return driver

    async def _found(self, rotation: Rotation, secret: Secret) -> KeyMark:
        """What the provider says of a pasted key; nothing is missing where it says nothing."""
        with contextlib.suppress(RotationError, SecretError):
            return await self._driver(rotation).find(secret)
        return KeyMark()

    async def _require_alive(self, credential: str, secret: Secret) -> None:
        proof = await self._surroundings.prove(credential, secret)
        for look in range(PASTED_LOOKS - 1):
            if proof.life != "dead":
                return
            await self._pause(2**look)
            proof = await self._surroundings.prove(credential, secret)
        if proof.life == "dead":
            raise ChangeRefusedError("invalid", f"the provider does not accept this key: {proof.why}")

    async def _require_previous(self, rotation: Rotation) -> None:
        """Nothing, if the old key is in its store, or can be had back there."""
        keys, old = self._surroundings.keys, rotation.old.fingerprint
        try:
            current = await keys.current(rotation.credential)
            if current.fingerprint == old or (await keys.previous(rotation.credential)).fingerprint == old:
                return
        except SecretError as error:
            raise ChangeRefusedError("conflict", f"the old key cannot be read: {error}") from None
        raise ChangeRefusedError("conflict", f"the store of {rotation.credential} has not kept its old key")

    async def _save(self, rotation: Rotation) -> Rotation:
        if not await self._claims.save(rotation):
            raise ChangeRefusedError("conflict", f"another process has gone on with {rotation.id}: try again")
        return rotation

    def _is_due(self, rotation: Rotation) -> bool:
        return not (rotation.outcome or rotation.waits_for_key) and rotation.due_s <= self._now_s()

    def _now_s(self) -> int:
        return self._clock.unix_us() // SECOND_US


def _require_waiting(rotation: Rotation) -> None:
    if not rotation.waits_for_key:
        raise ChangeRefusedError("conflict", f"the rotation {rotation.id} waits for no key")
