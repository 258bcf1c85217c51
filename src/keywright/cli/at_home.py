"""For commands that work with providers' keys: a gateway without a door, over the local store and configuration."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from keywright.cli.api import Api
from keywright.cli.doors import local_door, remote_door
from keywright.cli.errors import CommandError
from keywright.cli.faults import tell_of_faults
from keywright.cli.place import absent_store, config_path, local_blueprint, remote_url

if TYPE_CHECKING:
    from keywright.house.house import House

T = TypeVar("T")


def run_with_keys(config: Path | None, work: Callable[[Api], Coroutine[Any, Any, T]]) -> T:
    """What `work` gives, done with the API of a gateway that has the providers' keys: that of `KEYWRIGHT_URL`, else one
    in this process, without a door.

    Raises:
        CommandError, ConfigError, SecretError, StoreError: there is none, or it refuses.
    """
    from keywright.house.dumps import forbid_dumps

    forbid_dumps()  # what is typed or piped is a secret here too

    async def with_api() -> T:
        url = remote_url()
        if url:
            async with remote_door(url) as door:
                return await work(Api(door))
        async with at_home(config) as house:
            return await work(Api(local_door(house.store, lambda: house.snapshot, house.refresh, house.running)))

    return asyncio.run(with_api())


@asynccontextmanager
async def at_home(config: Path | None) -> "AsyncIterator[House]":
    """The gateway that the configuration describes, without its door, following what happens in the store.

    Raises:
        CommandError: there is no store yet.
        ConfigError, SecretError, StoreError: it cannot be opened, or the gateway of this shell is a remote one.
    """
    from keywright.house.blueprint import plan_house
    from keywright.house.dumps import forbid_dumps
    from keywright.house.house import House
    from keywright.house.watch import Watch

    local_blueprint(config)  # which refuses where this shell's gateway is a remote one
    forbid_dumps()
    path = config_path(config)
    blueprint = await plan_house(path, os.environ, Path() if path is None else path.parent)
    absent = absent_store(blueprint)
    if absent is not None:
        raise CommandError(f"there is no store at {absent} yet: `keywright up` makes it")
    tell_of_faults(blueprint.redactor.redact)
    house = await House.open(blueprint)
    follow = Watch(house)
    try:
        follow.start()
        yield house
    finally:
        await follow.stop()
        await house.close()
