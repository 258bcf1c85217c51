"""For commands that work with providers' keys: a gateway without a door, over the local store and configuration."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keywright.cli.errors import CommandError
from keywright.cli.place import absent_store, config_path, local_blueprint

if TYPE_CHECKING:
    from keywright.house import House


@asynccontextmanager
async def at_home(config: Path | None) -> "AsyncIterator[House]":
    """The gateway that the configuration describes, without its door, following what happens in the store.

    Raises:
        CommandError: there is no store yet.
        ConfigError, SecretError, StoreError: it cannot be opened, or the gateway of this shell is a remote one.
    """
    from keywright.house import House, plan_house
    from keywright.house.dumps import forbid_dumps
    from keywright.house.watch import Watch

    local_blueprint(config)  # which refuses where this shell's gateway is a remote one
    forbid_dumps()
    path = config_path(config)
    blueprint = await plan_house(path, os.environ, Path() if path is None else path.parent)
    absent = absent_store(blueprint)
    if absent is not None:
        raise CommandError(f"there is no store at {absent} yet: `keywright up` makes it")
    house = await House.open(blueprint)
    follow = Watch(house)
    try:
        follow.start()
        yield house
    finally:
        await follow.stop()
        await house.close()
