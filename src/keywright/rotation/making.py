"""The first steps: a key is made, by the provider or by a person, and tried until the provider accepts it."""

from msgspec.structs import replace

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark, Rotation
from keywright.rotation import steps
from keywright.rotation.driver import Driver
from keywright.rotation.leftovers import end, end_orphans, key_name
from keywright.rotation.means import Held, Means


class Making:
    """The steps "create" and "verify". Every method raises RotationError, SecretError or StoreError when it cannot."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def create(self, rotation: Rotation, driver: Driver) -> Rotation:
        """Make a key; what was left of earlier tries is ended first."""
        now_s = self._means.now_s
        if not driver.creates:
            why = await _by_hand(driver, key_name(rotation), rotation.old)
            return steps.awaiting_key(rotation, now_s(), why)
        if not rotation.tried_s:
            obstacle = await driver.obstacle(rotation.old)
            if obstacle:
                raise RotationError(obstacle)
            return steps.tried(rotation, now_s())
        await end_orphans(rotation, driver)
        created = await driver.create(key_name(rotation), rotation.old)
        self._means.held[rotation.id] = Held(created.secret)
        new = replace(created.mark, fingerprint=created.secret.fingerprint)
        return steps.created(rotation, now_s(), new, created.expires_s)

    async def verify(self, rotation: Rotation, driver: Driver) -> Rotation:
        """Try the new key once."""
        held = self._means.held_of(rotation)
        if held is None:
            return await self.begin_again(rotation, driver)
        proof = await self._means.prove(rotation.credential, held.secret)
        held.proofs = steps.added(held.proofs, proof.life)
        now_s = self._means.now_s()
        match steps.judged(held.proofs, rotation.step_s, now_s, self._means.pace):
            case "accepted":
                what = "the new key is accepted" if held.proofs.lives else f"the new key is taken on trust: {proof.why}"
                return steps.moved(rotation, now_s, "switch", what)
            case "wait":
                return steps.waiting(rotation, now_s, now_s + steps.pause_s(held.proofs))
            case "refused":
                return steps.turned_back(rotation, now_s, "failed", f"the new key is not accepted: {proof.why}")

    async def begin_again(self, rotation: Rotation, driver: Driver) -> Rotation:
        """The new key is stored nowhere, and its secret is lost: end it, for another to be made."""
        if not driver.creates:
            why = "the new key was lost before it was stored: paste it again"
            return steps.awaiting_key(rotation, self._means.now_s(), why)
        await end(driver, rotation.new)
        return steps.again(rotation, self._means.now_s())


async def _by_hand(driver: Driver, name: str, old: KeyMark) -> str:
    """Where a person makes the key that this driver cannot make."""
    try:
        await driver.create(name, old)
    except RotationError as error:
        return str(error)
    return "make a new key at the provider and paste it"
