"""Who has a gateway's credentials in charge, for whoever administers them: the inventory, and the machine of rotations.

A rotation that is begun here is only written down. It goes on in whichever process tends to rotations, this one too.
"""

import logging

from msgspec.structs import replace

from keywright.config.faults import nearest
from keywright.control.custodian import CredentialFilter
from keywright.control.resources import InventoryRow
from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import ChangeRefusedError, SecretError
from keywright.core.rotation import CredentialFacts, Rotation
from keywright.core.secret import Secret
from keywright.house.custody.inventory import Inventory
from keywright.house.custody.rotations import Rotating
from keywright.pipeline.routes import Source
from keywright.rotation.plan import Plan

_log = logging.getLogger("keywright")


class Custodian:
    """The credentials of one gateway."""

    def __init__(self, rotating: Rotating, inventory: Inventory, clock: Clock) -> None:
        self._rotating = rotating
        self._inventory = inventory
        self._clock = clock

    async def inventory(self, which: CredentialFilter, after: str, limit: int) -> list[InventoryRow]:
        """Up to `limit` credentials, by name, behind the name `after`."""
        return await self._inventory.page(which, after, limit)

    async def row(self, name: str) -> InventoryRow:
        """One credential."""
        return await self._inventory.row(name, self._source(name))

    async def turn(self, name: str, by: str, *, disabled: bool) -> None:
        """Let no call use a credential from now on, or let them again."""
        if self._source(name).disabled and not disabled:
            raise ChangeRefusedError("conflict", f"the configuration disables {name}, and alone can enable it")

        def change(known: CredentialFacts) -> CredentialFacts:
            return replace(known, disabled=disabled, disabled_by=by if disabled else "")

        await self._rotating.states.change(name, change)
        _log.info("%s is %s by %s", name, "disabled" if disabled else "enabled", by)

    async def verify(self, name: str) -> None:
        """Ask its provider whether it accepts its key, and write down what it says."""
        source = self._source(name)
        fingerprint = source.credential.fingerprint
        verdict = await self._rotating.look(source)
        now_s = self._clock.unix_us() // SECOND_US

        def change(known: CredentialFacts) -> CredentialFacts:
            if known.fingerprint not in ("", fingerprint):
                return known  # it has got another key meanwhile, of which this says nothing
            verified_s = now_s if verdict.life == "live" else known.verified_s
            return replace(known, looked_s=now_s, verdict=verdict.life, verified_s=verified_s)

        await self._rotating.states.note(name, change)

    async def plan(self, name: str) -> Plan:
        """What replacing its key would do, and what stands against it."""
        self._source(name)
        return await self._rotating.engine.plan(name)

    async def begin(self, name: str, by: str, reason: str) -> Rotation:
        """Begin to replace its key. Refused as conflict where something stands against it."""
        self._source(name)
        rotation = await self._rotating.engine.begin(name, by, reason)
        _log.info("the key of %s is being replaced, as %s wants: %s", name, by, rotation.id)
        return rotation

    async def supply(self, rotation_id: str, key: Secret, by: str) -> Rotation:
        """Go on with the key that a person has made. Refused as invalid where no header, or store, takes it."""
        engine = self._rotating.engine
        try:
            self._rotating.keys.require_usable((await engine.get(rotation_id)).credential, key)
        except SecretError as error:
            raise ChangeRefusedError("invalid", f"this cannot be the key: {error}", "key") from None
        rotation = await engine.supply(rotation_id, key, by)
        _log.info("%s has given the key %s to %s, of %s", by, key.fingerprint, rotation_id, rotation.credential)
        return rotation

    async def roll_back(self, rotation_id: str, by: str) -> Rotation:
        """Let the old key stay."""
        rotation = await self._rotating.engine.roll_back(rotation_id, by)
        _log.info("%s has rolled %s back, of %s", by, rotation_id, rotation.credential)
        return rotation

    async def insist(self, rotation_id: str, by: str) -> Rotation:
        """Let the old key end, though somebody who is not known still uses it."""
        rotation = await self._rotating.engine.insist(rotation_id, by)
        _log.info("%s insists on %s, of %s", by, rotation_id, rotation.credential)
        return rotation

    def _source(self, name: str) -> Source:
        sources = self._rotating.sources()
        if name not in sources:
            near = nearest(name, sources)
            raise ChangeRefusedError("not_found", f"there is no credential {name!r}" + (f"; {near}" if near else ""))
        return sources[name]
