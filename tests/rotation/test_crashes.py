"""Killed before and after everything that it does, the machine ends with one working key in use and none left over."""

import os
from random import Random

import pytest

from keywright.core.errors import ChangeRefusedError
from keywright.core.rotation import Rotation
from keywright.store.database import Database
from tests.rotation.world import Killed, Limits, World

IS_SOAK = bool(os.environ.get("KEYWRIGHT_SOAK"))
SEEDS = 4000 if IS_SOAK else 30
CHANGES = {"begin", "save", "create", "write", "ask_all", "disable", "enable", "delete", "forget", "note"}
"""What leaves another world behind; to be killed around what only looks is the same as after the last of these."""


def settled(world: World, rotation: Rotation) -> None:
    """One key is in use, and there is no other at the provider or in the store."""
    assert rotation.outcome in {"done", "rolled_back", "failed"}
    assert {process.secret for process in world.processes} == {world.stored}
    assert world.accepts(world.stored)
    assert [key.secret for key in world.provider.values()] == [world.stored], rotation.past
    stays_old = world.stored == world.first.secret
    assert stays_old == (rotation.outcome != "done")
    if not stays_old:
        assert world.previous is None


@pytest.mark.parametrize(
    "limits",
    [
        Limits(lists_s=15),
        Limits(slots=2, has_names=False, disables=False, learns_s=4, tells_use=False),
    ],
    ids=["names", "two slots"],
)
async def test_killed_at_each_thing_it_does_it_ends_as_if_it_had_not_been(database: Database, limits: Limits) -> None:
    whole = await World(database, limits).open()
    rotation = await whole.run((await whole.engine().begin(whole.credential, "schedule")).id)
    assert rotation.outcome == "done"
    settled(whole, rotation)
    after = [2 * number + 1 for number, what in enumerate(whole.done, 1) if what in CHANGES]
    for point in range(2, 2 * whole.effects + 2) if IS_SOAK else after:
        world = await World(database, limits).open()
        world.faults.dies_at = [point]
        rotation = await world.run(await begun(world))
        assert rotation.outcome == "done", point
        settled(world, rotation)


async def test_killed_at_each_thing_it_does_with_a_pasted_key_it_uses_it_or_asks_for_it_again(
    database: Database,
) -> None:
    limits = Limits(creates=False, deletes=False)
    whole = await World(database, limits, kind="assisted").open()
    assert await times_pasted(whole) == 1
    given, stored = whole.done.index("prove"), whole.done.index("ask_all")
    after = [
        2 * number + 1 for number, what in enumerate(whole.done, 1) if what in CHANGES and given < number <= stored
    ]
    for point in range(2, 2 * whole.effects + 2) if IS_SOAK else after:
        world = await World(database, limits, kind="assisted").open()
        world.faults.dies_at = [point]
        assert await times_pasted(world) in {1, 2}, point
        assert {process.secret for process in world.processes} == {world.stored}
        assert [key.secret for key in world.provider.values() if key.is_active] == [world.stored], point


async def times_pasted(world: World) -> int:
    """How often the same key was pasted until a rotation was done, whatever died over it."""
    rotation_id, engine, pasted, times = await begun(world), world.engine(), world.make("by ann").secret, 0
    while True:
        try:
            rotation = await engine.drive(rotation_id, lambda _: None)
            if rotation.outcome:
                assert (rotation.outcome, world.stored) == ("done", pasted)
                return times
            await engine.supply(rotation_id, pasted, "ann")
            times += 1
        except Killed:
            engine = world.engine()
        except ChangeRefusedError as error:
            if "try again in a moment" not in error.message:  # who died has its claim for a while
                raise


async def begun(world: World) -> str:
    """The id of a rotation that was begun, whatever died over it."""
    while True:
        try:
            return (await world.engine().begin(world.credential, "schedule")).id
        except Killed:
            pass
        except ChangeRefusedError:  # it was written down before
            last = await world.rotations.last(world.credential)
            assert last is not None
            return last.id


async def test_whatever_fails_however_often_it_is_killed_and_turned_back(database: Database) -> None:
    for seed in range(SEEDS):
        try:
            await one_life(database, Random(seed))
        except Exception as error:
            error.add_note(f"in the life of seed {seed}")
            raise


async def one_life(database: Database, random: Random) -> None:
    slots = random.choice([2, 100])
    limits = Limits(
        disables=random.random() < 0.5,
        slots=slots,
        has_names=slots > 2,
        learns_s=random.choice([0, 0, 7, 400]),
        lists_s=random.choice([0, 20]) if slots > 2 else 0,
        tells_use=random.random() < 0.5,
        proves=random.random() < 0.8,
    )
    if not limits.proves:
        limits = Limits(disables=limits.disables, slots=slots, has_names=slots > 2, proves=False)
    world = await World(database, limits).open()
    rotation_id = await begun(world)
    world.faults.random = random
    world.faults.odds = random.choice([0.0, 0.05, 0.15])
    world.faults.dies_at = [random.randrange(2, 200) for _ in range(random.randrange(4))]
    if random.random() < 0.4:
        world.at[random.randrange(1, 700)] = lambda: turn_back(world, rotation_id)
    settled(world, await world.run(rotation_id))


async def turn_back(world: World, rotation_id: str) -> None:
    """A person rolls it back, if that is possible just then, from a process that nobody kills."""
    is_dead, faults = world.is_dead, world.faults
    world.faults = type(faults)()
    try:
        await world.engine().roll_back(rotation_id, "ann")
    except ChangeRefusedError:
        pass
    world.faults, world.is_dead = faults, is_dead
