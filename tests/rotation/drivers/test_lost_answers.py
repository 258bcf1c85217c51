"""A rotation whose provider makes a key and loses the answer ends with one key, whatever makes keys there."""

import pytest

from keywright.rotation.surroundings import Target
from keywright.store.database import Database
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.cases import CASES
from tests.rotation.world import Limits, World


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("lost", [1, 4])
async def test_of_keys_that_were_made_and_not_told_none_is_left(
    database: Database, fetch: Fetch, kind: str, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CASES[kind](fetch) as case:
        world = World(database, Limits())
        world.stored = world.first.secret = case.add("in-use")
        for process in world.processes:
            process.secret = world.stored
        target = Target(world.credential, "shop", case.driver.kind, driver=case.driver, drain_s=5, hold_s=10)
        monkeypatch.setattr(world, "accepts", case.works)
        monkeypatch.setattr(world, "target", lambda _: target)
        await world.open()
        rotation_id = (await world.engine().begin(world.credential, "ann")).id
        case.door.loses = ["POST"] * lost
        rotation = await world.run(rotation_id)
        assert (rotation.outcome, rotation.trouble) == ("done", "")
        assert case.door.loses == []
        assert case.names() == [f"keywright-{rotation_id}"]
        assert (await case.driver.find(world.stored)).id == rotation.new.id
        assert case.works(world.stored)
