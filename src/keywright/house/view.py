"""What a gateway by some configuration would know, without being one: to ask what it would decide.

Nothing is sent anywhere, so no key of a provider is needed, and none is looked for: a configuration can be tried on a
machine that has none of its secrets.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from keywright.config import Config, ProviderConfig
from keywright.core.identity import Project, Realm
from keywright.house.custody.credentials import Named
from keywright.house.declared import declared
from keywright.house.sources import Breakers, build_routes
from keywright.pipeline.snapshot import Snapshot
from keywright.providers.provider import Provider
from keywright.store.content import read_content
from keywright.store.declarations import Declared
from keywright.store.price_lists import PriceLists
from keywright.store.store import Store
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.vault.credential import NoCredential

ALL_KEYS: Final = -1


class Keyless:
    """In the place of credentials where nothing is sent."""

    def of(self, name: str, row: Provider, config: ProviderConfig, settings: Mapping[str, str]) -> list[Named]:
        """As many as there are, without their secrets."""
        if not config.credentials:
            return [Named(name, NoCredential(name))]
        return [Named(f"{name}/{table.name}", NoCredential(name), table) for table in config.credentials]

    def project(self, config: ProviderConfig) -> str:
        """Any: nobody is asked by it."""
        return "unknown"


async def view_of(config: Config, base: Path, environment: Mapping[str, str], store: Store, now_s: int) -> Snapshot:
    """What a gateway by `config` would know with that store. Relative paths in `config` start at `base`.

    Raises:
        ConfigError: something in `config` is wrong.
        StoreError: the store cannot be read.
    """
    content = await read_content(store.database, ALL_KEYS)
    prices = await PriceLists(store.database).newest()
    breakers = Breakers(lambda: Breaker(BreakerSettings()))
    wanted = declared(config, now_s)
    return Snapshot(
        keys={key.id: key for key in content.keys},
        foreign={},
        routes=build_routes(config, Keyless(), breakers, {}, base, environment, prices),
        realm=_realm(content.realm, wanted),
        budgets=(*(one for one in content.budgets if not one.declared), *wanted.budgets),
        limits=(*(one for one in content.limits if not one.declared), *wanted.limits),
    )


def _realm(realm: Realm, wanted: Declared) -> Realm:
    """The realm as it will be. A project that is declared no longer keeps its rules: see `store/declarations.py`."""
    projects: dict[str, Project] = {**realm.projects, **{project.name: project for project in wanted.projects}}
    return replace(realm, projects=projects)
