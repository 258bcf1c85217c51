"""What a rotation would do, and what stands against it: a dry run that changes nothing, also before each begin."""

from msgspec import Struct
from msgspec.structs import replace

from keywright.core.errors import ChangeRefusedError, RotationError, SecretError
from keywright.core.rotation import DriverKind, KeyMark
from keywright.rotation.driver import Driver
from keywright.rotation.steps import shown
from keywright.rotation.surroundings import Surroundings, Target


class Plan(Struct, frozen=True):
    """Sentences for people. `steps`: what would be done, in this order. `obstacles`: why it would not be begun; none
    when it would. `old`: the key that is in use. `assisted_because`: why a person has to help where none would have to;
    "" where that is not so.
    """

    credential: str
    driver: DriverKind
    old: KeyMark = KeyMark()
    steps: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    assisted_because: str = ""


async def planned(surroundings: Surroundings, credential: str) -> Plan:
    """What a rotation of the credential's key would do.

    Raises:
        ChangeRefusedError: not_found, there is no such credential.
        StoreError: the database cannot be asked.
    """
    target = surroundings.targets(credential)
    if target is None:
        raise ChangeRefusedError("not_found", f"there is no credential {credential!r}")
    plan = Plan(credential, target.kind)
    if target.kind == "federated":
        told = (
            f"no key of {target.provider} is kept, so none is replaced: a new token is got, as it is before each ends"
        )
        return replace(plan, steps=(told,), obstacles=await _running(surroundings, target))
    if target.driver is None:
        return replace(
            plan, obstacles=(target.lacks or f"nothing is set up that can replace keys of {target.provider}",)
        )
    old, against = await _key(surroundings, target, target.driver)
    against += tuple(why for why in (target.read_only, target.shared) if why)
    against += await _running(surroundings, target)
    steps = _steps(target, target.driver, old)
    return replace(plan, old=old, steps=steps, obstacles=against, assisted_because=target.lacks)


async def _running(surroundings: Surroundings, target: Target) -> tuple[str, ...]:
    """The rotations that are at the same key."""
    names = (target.credential, *target.together)
    found = [await surroundings.records.rotations.last(name) for name in names]
    return tuple(
        f"the key of {last.credential} is being replaced already, by {last.id}"
        for last in found
        if last is not None and not last.outcome
    )


async def _key(surroundings: Surroundings, target: Target, driver: Driver) -> tuple[KeyMark, tuple[str, ...]]:
    """The key in use, and what its store and its provider have against replacing it."""
    mark = KeyMark()
    try:
        secret = await surroundings.keys.current(target.credential)
        mark = KeyMark(fingerprint=secret.fingerprint)
        mark = replace(await driver.find(secret), fingerprint=secret.fingerprint)
        obstacle = await driver.obstacle(mark) if driver.creates else ""
    except (SecretError, RotationError) as error:
        obstacle = str(error)
    return mark, ((obstacle,) if obstacle else ())


def _steps(target: Target, driver: Driver, old: KeyMark) -> tuple[str, ...]:
    made = (
        f"{target.provider} makes a new key"
        if driver.creates
        else f"you make a new key at {target.provider}, and paste it"
    )
    told = [
        f"{made}, in place of {shown(old)}",
        "the new key is tried until it is accepted",
        f"it is written to the store that has the key of {target.credential}, and all processes take it from there",
        f"{shown(old)} is left alone for {target.drain_s:g} s after the last of them did, and until nobody uses it",
    ]
    if driver.disables:
        told.append(f"{shown(old)} is disabled, for {target.hold_s:g} s")
    if driver.deletes:
        told.append(f"{shown(old)} ends for good")  # deleted, archived, or another in its slot
    elif not driver.disables:
        told.append(f"you revoke {shown(old)} at {target.provider}")
    return tuple(told)
