"""Keys at a provider that are to end: the one that is replaced, and those that a rotation made and nobody knows."""

from keywright.core.rotation import KeyMark, Rotation
from keywright.rotation.driver import NAME_PREFIX, Driver
from keywright.rotation.steps import shown


def key_name(rotation: Rotation) -> str:
    """How the keys are called that it makes."""
    return f"{NAME_PREFIX}{rotation.id}"


async def end(driver: Driver, mark: KeyMark) -> str:
    """End a key, as far as its provider can; what is left to do by hand, "" when nothing is. Raises RotationError."""
    if not mark.id and not mark.fingerprint:
        return ""
    if driver.deletes:
        await driver.delete(mark)
        return ""
    if driver.disables:
        await driver.disable(mark)
        return ""
    return f"revoke {shown(mark)} at its provider by hand: it still works"


async def end_orphans(rotation: Rotation, driver: Driver) -> None:
    """End the keys that this rotation has made, and of which nobody has the secret. Raises RotationError."""
    is_told_apart = bool(rotation.new.id) or not rotation.new.fingerprint
    if rotation.tried_s and is_told_apart:
        kept = {rotation.old.id, rotation.new.id}
        for mark in await driver.made(key_name(rotation), rotation.old):
            if mark.id not in kept:
                await end(driver, mark)
