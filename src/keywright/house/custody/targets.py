"""What the machine of `rotation/` is told of each credential: how its key is replaced, and what stands against it."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from keywright.config import Config, CredentialConfig, ProviderConfig, RotationConfig
from keywright.house.blueprint import Blueprint
from keywright.house.custody.credentials import Credentials
from keywright.house.custody.drivers import Site, driver_of, lacking
from keywright.pipeline.routes import Source
from keywright.rotation.surroundings import Target
from keywright.store.credentials import CredentialStates
from keywright.store.rotations import Rotations
from keywright.transport.pool import Pool
from keywright.vault.fetch import Fetch
from keywright.vault.keeper import Keeper
from keywright.vault.renewal import RenewingCredential

PAST_ROTATIONS: Final = 500
"""How far back it is looked whether a key was left over by a rotation."""


class Present(Struct, frozen=True, eq=False):
    """What a gateway is at one moment: its configuration, and its sources by the names of their credentials."""

    config: Config
    sources: Mapping[str, Source]


class Gateway(Struct, frozen=True, eq=False):
    """What replaces a gateway's keys is given of it. `present` tells what there is now."""

    present: Callable[[], Present]
    credentials: Credentials
    keeper: Keeper
    pool: Pool
    blueprint: Blueprint


class Targets:
    """The credentials of a gateway."""

    def __init__(self, gateway: Gateway, rotations: Rotations, states: CredentialStates) -> None:
        self._gateway = gateway
        self._rotations = rotations
        self._states = states

    def target(self, credential: str) -> Target | None:
        """The credential as it is configured now, with the driver for its keys; None when none has that name."""
        present = self._gateway.present()
        source = present.sources.get(credential)
        if source is None:
            return None
        given = present.config.providers[source.name]
        places = self._gateway.credentials.places(present.config)
        references = places.get(credential, ())
        rotation = rotation_of(given, table_of(given, credential))
        if not references:
            return self._keyless(source)
        site = self._site(source, given, rotation)
        kind = given.kind or source.name
        driver = driver_of(kind, site)
        missing = ", ".join(f"providers.{source.name}.{need}" for need in lacking(kind, site))
        return Target(
            credential=credential,
            provider=source.row.title,
            kind=driver.kind,
            driver=driver,
            lacks=f"it could be done without a person if the configuration had {missing}" if missing else "",
            read_only=self._gateway.keeper.vault.read_only(references[0]),
            shared=self._shared(source, places),
            together=tuple(name for name, each in places.items() if name != credential and each[0] == references[0]),
            drain_s=rotation.drain_s,
            hold_s=rotation.hold_s,
        )

    def _keyless(self, source: Source) -> Target:
        credential = source.credential
        if isinstance(credential, RenewingCredential):
            return Target(source.credential_name, source.row.title, "federated", renew=credential.renew)
        lacks = f"{source.credential_name} has no key"
        return Target(source.credential_name, source.row.title, "assisted", lacks=lacks)

    def _site(self, source: Source, given: ProviderConfig, rotation: RotationConfig) -> Site:
        return Site(
            row=source.row,
            config=given,
            rotation=rotation,
            settings=source.settings,
            environment=self._gateway.blueprint.environment,
            fetch=Fetch(self._gateway.pool, self._gateway.blueprint.clock, ca_file=given.ca_file, proxy=given.proxy),
            secret=self._gateway.keeper.vault.resolve,
            document=self._gateway.keeper.vault.document,
            is_here=self._gateway.keeper.vault.is_here,
            spare=self._is_spare,
            taken=lambda fingerprint: bool(self._with_key(fingerprint, source)),
        )

    def _with_key(self, fingerprint: str, but: Source) -> tuple[str, ...]:
        """The credentials that have that key, without one of them."""
        return tuple(
            name
            for name, source in self._gateway.present().sources.items()
            if name != but.credential_name and fingerprint and source.credential.fingerprint == fingerprint
        )

    def _shared(self, source: Source, places: Mapping[str, tuple[str, ...]]) -> str:
        """Who has the key of `source` at another place, where a new one would not come; "" for nobody."""
        place = places[source.credential_name]
        same = self._with_key(source.credential.fingerprint, source)
        names = [name for name in same if places.get(name) != place]
        if not names:
            return ""
        return f"{', '.join(names)} would lose the same key, which is kept at another place: let both name one place"

    async def _is_spare(self, key_id: str) -> bool:
        """Whether the provider's key with that id was left over by a rotation of ours, and no credential uses it."""
        ours = {
            mark.id
            for one in await self._rotations.page(PAST_ROTATIONS)
            for mark in (one.old, one.new)
            if one.outcome and mark.id
        }
        used = {known.key_id for known in await self._states.all()}
        return key_id in ours - used


def table_of(given: ProviderConfig, credential: str) -> CredentialConfig | None:
    """The table of the credential, if it has one."""
    name = credential.partition("/")[2]
    return next((table for table in given.credentials if table.name == name), None)


def rotation_of(given: ProviderConfig, table: CredentialConfig | None) -> RotationConfig:
    """How its key is replaced: its own table counts in place of the provider's."""
    return given.rotation if table is None or table.rotation is None else table.rotation
