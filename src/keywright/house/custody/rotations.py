"""The replacement of a gateway's keys: what the machine of `rotation/` needs of the house, and when it is to begin."""

import logging
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec

from keywright.core.clock import SECOND_US
from keywright.core.errors import ChangeRefusedError, SecretError
from keywright.core.rotation import CredentialFacts, Rotation
from keywright.core.secret import Secret
from keywright.house.custody.keys import HouseKeys
from keywright.house.custody.proving import prove
from keywright.house.custody.targets import Gateway, Targets, rotation_of, table_of
from keywright.identity.key import duration_s
from keywright.pipeline.routes import Source
from keywright.providers.check import Verdict
from keywright.rotation.engine import Engine
from keywright.rotation.kinds import expiry_by_form, kind_by_form
from keywright.rotation.schedule import Due, Schedule, aged, due
from keywright.rotation.surroundings import Records, Surroundings
from keywright.store.credentials import CredentialStates
from keywright.store.database import Database
from keywright.store.rotations import Rotations

ID_BYTES: Final = 8
TOLD_AFTER_S: Final = 15
"""A step takes a few seconds: what is in its way for longer is told of."""

SCHEDULE: Final = "schedule"

_log = logging.getLogger("keywright.rotation")


class Rotating:
    """Replaces the keys of a gateway's credentials. `holder` names this process."""

    def __init__(self, gateway: Gateway, database: Database, holder: str) -> None:
        self._gateway = gateway
        self._clock = gateway.blueprint.clock
        self.rotations = Rotations(database)
        self.states = CredentialStates(database)
        self.keys = HouseKeys(
            lambda: gateway.keeper.vault, lambda: gateway.credentials.places(gateway.present().config)
        )
        self._told: dict[str, str] = {}
        records = Records(self.rotations, self.states)
        targets = Targets(gateway, self.rotations, self.states)
        surroundings = Surroundings(records=records, keys=self.keys, prove=self.prove, targets=targets.target)
        self.engine = Engine(
            surroundings,
            holder,
            gateway.blueprint.clock,
            lambda: f"rot_{secrets.token_hex(ID_BYTES)}",
            pace=gateway.blueprint.pace,
        )

    async def prove(self, credential: str, secret: Secret) -> Verdict:
        """Whether the credential's provider accepts that key."""
        present = self._gateway.present()
        source = present.sources.get(credential)
        if source is None:
            return Verdict("unknown", f"the configuration does not name {credential} any more")
        try:
            credential_of_it = self._gateway.credentials.of_key(source.credential_name, source.row, secret)
        except SecretError as error:
            return Verdict("dead", str(error))
        return await self.look(msgspec.structs.replace(source, credential=credential_of_it))

    async def look(self, source: Source) -> Verdict:
        """Whether a source's provider accepts its key."""
        moved = self._gateway.present().config.providers[source.name].base_url
        return await prove(source, self._gateway.pool, is_moved=bool(moved))

    def sources(self) -> Mapping[str, Source]:
        """The sources by the names of their credentials, also of those that are disabled."""
        return self._gateway.present().sources

    def schedules(self) -> tuple[Schedule, ...]:
        """When which keys are to be replaced. What has none of its own renews itself."""
        present = self._gateway.present()
        keys = self._gateway.credentials.places(present.config)
        found = []
        for name, source in present.sources.items():
            if name not in keys:
                continue
            given = present.config.providers[source.name]
            table = table_of(given, name)
            rotation = rotation_of(given, table)
            every = (table.rotate_every if table is not None else "") or given.rotate_every or rotation.every
            found.append(Schedule(name, _seconds(every), _seconds(rotation.max_age)))
        return tuple(found)

    async def due(self) -> tuple[Due, ...]:
        """The credentials whose keys are to be replaced now, by their schedules.

        Raises:
            StoreError: the database cannot be asked.
        """
        facts = {known.name: known for known in await self.states.all()}
        last = {one.credential: one for one in await self.rotations.newest()}
        return due(self.schedules(), facts, last, self._now_s())

    async def look_at_schedule(self) -> None:
        """Begin what is due, and tell people of keys that are too old.

        Raises:
            StoreError: the database cannot be asked.
        """
        now_s = self._now_s()
        for one in await self.due():
            await self._begin(one.credential, one.reason)
        facts = {known.name: known for known in await self.states.all()}
        schedules = self.schedules()
        for old in aged(schedules, facts, now_s):
            _log.warning(
                "the key of %s is %d days old: replace it (keywright rotate)", old.credential, old.age_s // 86_400
            )
            await self.states.note(old.credential, lambda known: msgspec.structs.replace(known, reminded_s=now_s))

    async def note(self, source: Source) -> None:
        """Write down which key a credential has, if it is another than is known.

        Raises:
            StoreError: the database cannot be written.
        """
        name, fingerprint, now_s = source.credential_name, source.credential.fingerprint, self._now_s()
        known = await self.states.get(name)
        if not fingerprint or (known is not None and known.fingerprint == fingerprint):
            return
        kind, expires_s = await self._formed(source)

        def change(facts: CredentialFacts) -> CredentialFacts:
            if facts.fingerprint == fingerprint:
                return facts
            return CredentialFacts(
                name,
                fingerprint,
                now_s,
                kind=kind,
                expires_s=expires_s,
                disabled=facts.disabled,
                disabled_by=facts.disabled_by,
            )

        await self.states.note(name, change)

    async def tend(self) -> None:
        """Go on with rotations that are not done; tell of those that wait for somebody.

        Raises:
            StoreError: the database cannot be asked.
        """
        for rotation in await self.engine.tend():
            self._tell(rotation)

    def _tell(self, rotation: Rotation) -> None:
        if not rotation.outcome and self._now_s() < rotation.step_s + TOLD_AFTER_S and not rotation.waits_for_key:
            return
        said = rotation.trouble if not rotation.outcome else rotation.outcome
        if not said or self._told.get(rotation.id) == said:
            return
        self._told[rotation.id] = said
        if rotation.outcome:
            del self._told[rotation.id]
        level = logging.INFO if rotation.outcome == "done" else logging.WARNING
        _log.log(level, "the rotation %s of %s, at %r: %s", rotation.id, rotation.credential, rotation.step, said)

    async def _begin(self, credential: str, reason: str) -> None:
        try:
            rotation = await self.engine.begin(credential, SCHEDULE, reason)
        except (ChangeRefusedError, SecretError) as error:
            if self._told.get(credential) != str(error):
                self._told[credential] = str(error)
                _log.warning("the key of %s is due to be replaced, but: %s", credential, error)
            return
        _log.info("the key of %s is being replaced (%s): %s", credential, reason, rotation.id)

    async def _formed(self, source: Source) -> tuple[str, int]:
        """What the key is by its form, and when it runs out by what it says itself."""
        references = self._gateway.credentials.places(self._gateway.present().config).get(source.credential_name, ())
        kind = self._gateway.present().config.providers[source.name].kind or source.name
        for reference in references:
            secret = self._gateway.keeper.known(reference)
            if secret is not None and secret.fingerprint == source.credential.fingerprint:
                return kind_by_form(kind, secret), expiry_by_form(secret) or 0
        return ("", 0) if references else ("federated", 0)

    def _now_s(self) -> int:
        return self._clock.unix_us() // SECOND_US


def _seconds(duration: str) -> int:
    return duration_s(duration) if duration else 0
