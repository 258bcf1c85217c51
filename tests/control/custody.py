"""The custodian of a gateway with three credentials, for the API's tests: real keys in files, real rotations.

`edge` and `edge/2` are one provider's, whose key a person makes; `fixed` has a key that cannot be written. Nobody
answers at their addresses.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keywright.config import Config, ProviderConfig
from keywright.core.clock import SECOND_US, Clock
from keywright.guard.address import is_public
from keywright.house.blueprint import Blueprint
from keywright.house.custody.credentials import Credentials
from keywright.house.custody.custodian import Custodian
from keywright.house.custody.inventory import Inventory
from keywright.house.custody.rotations import Rotating
from keywright.house.custody.targets import Gateway, Present
from keywright.house.sources import Breakers, build_routes
from keywright.house.stores.keeping import keeper_of
from keywright.rotation import steps
from keywright.store.store import Store
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.transport.pool import Pool

EDGE_KEY: Final = "sk-of-the-edge-0123456789"
EDGE: Final = "edge"
NOWHERE: Final = "http://127.0.0.1:9/v1"
MODEL: Final = ("some-model",)


@dataclass(frozen=True)
class Custody:
    """The custodian, and the machine that it works with."""

    custodian: Custodian
    rotating: Rotating
    clock: Clock

    async def settle(self) -> None:
        """Let no rotation go on."""
        await self.rotating.engine.close()
        rotations, now_s = self.rotating.rotations, self.clock.unix_us() // SECOND_US
        for one in await rotations.running():
            await rotations.claim(one.id, "tests", now_s, 1)
            assert await rotations.save(steps.ended(one, now_s, "failed"), "tests")

    async def waiting(self) -> str:
        """The id of a rotation that waits for a key of `edge`; no other goes on."""
        await self.settle()
        engine = self.rotating.engine
        rotation = await engine.advance((await engine.begin(EDGE, "tests")).id)
        assert rotation.waits_for_key
        return rotation.id


@asynccontextmanager
async def opened_custody(store: Store, folder: Path, clock: Clock) -> AsyncIterator[Custody]:
    """The custodian of the credentials, whose keys are in files in `folder`."""
    for name, text in ((EDGE, EDGE_KEY), ("spare", f"{EDGE_KEY}-2")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    kind = "openai-compatible"
    keys = tuple(f"file:{folder}/{name}" for name in (EDGE, "spare"))
    config = Config(
        providers={
            EDGE: ProviderConfig(kind=kind, base_url=NOWHERE, models=MODEL, api_key=keys),
            "fixed": ProviderConfig(kind=kind, base_url=NOWHERE, models=MODEL, api_key=("env:FIXED_KEY",)),
        }
    )
    blueprint = Blueprint(config, None, folder, {"FIXED_KEY": "sk-fixed"}, clock)
    keeper, pool = keeper_of(blueprint), Pool(allowed=is_public, environment={})
    credentials = Credentials(keeper, blueprint.environment, pool, clock)
    await keeper.learn(*credentials.wanted(config))
    routes = build_routes(config, credentials, Breakers(lambda: Breaker(BreakerSettings())), {})
    sources = {source.credential_name: source for source in routes.inventory}
    gateway = Gateway(lambda: Present(config, sources), credentials, keeper, pool, blueprint)
    rotating = Rotating(gateway, store.database, "this process")
    inventory = Inventory(rotating, lambda: credentials.places(config), store.database, clock)
    try:
        yield Custody(Custodian(rotating, inventory, clock), rotating, clock)
    finally:
        await rotating.engine.close()
        await pool.aclose()
        await keeper.close()
