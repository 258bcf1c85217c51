"""What is done in each step of a rotation: one thing at a time, after which what became of it is written down.

A method is given the rotation as it was written down last, does what comes next, and returns what to write. Whatever it
does may have been done already, by a process that died before it could write: so each looks first at what is there.
"""

from collections.abc import Callable

from keywright.core.errors import RotationError
from keywright.core.rotation import Rotation
from keywright.rotation import steps
from keywright.rotation.ending import Ending
from keywright.rotation.making import Making
from keywright.rotation.means import Held, Means
from keywright.rotation.steps import Pace
from keywright.rotation.surroundings import CredentialRecords, Keys, Prove, Target
from keywright.rotation.switching import Switching


class Work:
    """The steps. `held`: new keys' secrets by rotation; they are nowhere else until they are stored."""

    def __init__(
        self, keys: Keys, prove: Prove, credentials: CredentialRecords, now_s: Callable[[], int], pace: Pace
    ) -> None:
        self.held: dict[str, Held] = {}
        self._now_s = now_s
        means = Means(keys, prove, credentials, now_s, pace, self.held)
        self._making = Making(means)
        self._switching = Switching(means, self._making)
        self._ending = Ending(means)

    async def turn(self, rotation: Rotation, target: Target) -> Rotation:
        """Do what comes next. Raises RotationError, SecretError or StoreError when it cannot."""
        if rotation.driver == "federated":
            return await self._renew(rotation, target)
        driver = target.driver
        if driver is None or driver.kind != rotation.driver:
            raise RotationError(f"{rotation.credential} has no {rotation.driver} driver any more: {target.lacks}")
        match rotation.step:
            case "create":
                return await self._making.create(rotation, driver)
            case "verify":
                return await self._making.verify(rotation, driver)
            case "switch":
                return await self._switching.switch(rotation, driver)
            case "drain":
                return await self._ending.drain(rotation, driver, target.drain_s)
            case "disable":
                return await self._ending.disable(rotation, driver, target.hold_s)
            case "delete":
                return await self._ending.delete(rotation, driver)

    async def _renew(self, rotation: Rotation, target: Target) -> Rotation:
        if target.renew is None:
            raise RotationError(f"{rotation.credential} is not federated any more")
        await target.renew()
        return steps.ended(rotation, self._now_s(), "done")
