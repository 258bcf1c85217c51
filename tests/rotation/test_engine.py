"""What people see of a rotation: its plan, its way, its way back, the key that they paste, and what it waits for."""

import pytest
from msgspec.structs import replace

from keywright.core.errors import ChangeRefusedError
from keywright.core.rotation import STEPS, KeyMark, Rotation
from keywright.core.secret import Secret
from keywright.rotation.engine import Engine
from keywright.rotation.surroundings import Target
from keywright.store.database import Database
from tests.rotation.world import START_S, Limits, World

PERSON = Limits(creates=False, disables=False, deletes=False)


async def begun(world: World) -> tuple[Engine, str]:
    engine = world.engine()
    return engine, (await engine.begin(world.credential, "ann", "it is old")).id


async def test_a_key_is_replaced_and_told_of(database: Database) -> None:
    world = await World(database, Limits()).open()
    engine, rotation_id = await begun(world)
    seen: list[Rotation] = []
    rotation = await engine.drive(rotation_id, seen.append)
    assert (rotation.outcome, rotation.trouble, rotation.by, rotation.reason) == ("done", "", "ann", "it is old")
    assert [one.step for one in seen] == sorted([one.step for one in seen], key=STEPS.index)
    assert rotation.old == KeyMark("k0", world.first.secret.fingerprint, "by hand")
    assert rotation.new == KeyMark("k1", world.stored.fingerprint, f"keywright-{rotation_id}")
    at_us = {past.what: past.at_us for past in rotation.past}
    all_use_it = at_us[f"every process uses the key keywright-{rotation_id} (k1)"]
    is_disabled = at_us["the key by hand (k0) is disabled"]
    assert is_disabled >= all_use_it + 5_000_000
    assert at_us["done"] >= is_disabled + 10_000_000
    facts = await world.states.get(world.credential)
    assert facts is not None
    assert (facts.fingerprint, facts.key_id) == (world.stored.fingerprint, "k1")
    assert (await engine.drive(rotation_id, seen.append)) == rotation


async def test_a_plan_changes_nothing_and_names_what_stands_against_it(database: Database) -> None:
    world = await World(database, Limits(slots=1)).open()
    plan = await world.engine().plan(world.credential)
    assert plan.obstacles == ("all slots are taken",)
    assert plan.old.id == "k0"
    assert any("disabled" in step for step in plan.steps)
    assert set(world.done) <= {"last", "find", "obstacle", "current"}
    with pytest.raises(ChangeRefusedError, match="all slots are taken"):
        await world.engine().begin(world.credential, "ann")
    with pytest.raises(ChangeRefusedError, match="there is no credential"):
        await world.engine().plan("shop/none")
    assert await world.rotations.last(world.credential) is None


async def test_a_plan_says_why_a_person_has_to_help(database: Database) -> None:
    world = await World(database, PERSON, kind="assisted").open()
    assert (await world.engine().plan(world.credential)).assisted_because == ""
    target = world.target(world.credential)
    assert target is not None
    lacking = replace(target, lacks="an admin_key is missing")
    world.target = lambda credential: lacking if credential else None  # type: ignore[method-assign]
    plan = await world.engine().plan(world.credential)
    assert (plan.assisted_because, plan.obstacles) == ("an admin_key is missing", ())


async def test_of_a_credential_one_rotation_goes_on_at_a_time(database: Database) -> None:
    world = await World(database, Limits()).open()
    await begun(world)
    with pytest.raises(ChangeRefusedError, match="being replaced already"):
        await begun(world)


@pytest.mark.parametrize("at_s", [2, 6, 12])
async def test_rolled_back_while_it_switches_drains_or_is_disabled_the_old_key_stays(
    database: Database, at_s: int
) -> None:
    world = await World(database, Limits()).open()
    _, rotation_id = await begun(world)
    person = world.engine()
    world.at[at_s] = lambda: person.roll_back(rotation_id, "ann")
    rotation = await world.run(rotation_id)
    assert rotation.outcome == "rolled_back"
    assert world.stored == world.first.secret
    assert [key.id for key in world.provider.values() if key.is_active] == ["k0"]
    assert {process.secret for process in world.processes} == {world.first.secret}
    with pytest.raises(ChangeRefusedError, match="has ended"):
        await person.roll_back(rotation_id, "ann")


async def test_a_key_that_is_never_accepted_is_ended_and_the_old_one_stays(database: Database) -> None:
    world = await World(database, Limits(learns_s=10_000)).open()
    _, rotation_id = await begun(world)
    rotation = await world.run(rotation_id)
    assert rotation.outcome == "failed"
    assert "not accepted" in rotation.trouble
    assert list(world.provider) == ["k0"]
    assert "write" not in world.done


async def test_what_is_refused_again_and_again_turns_it_back(database: Database) -> None:
    world = await World(database, Limits()).open()
    world.faults.refused["create"] = 100
    _, rotation_id = await begun(world)
    rotation = await world.run(rotation_id)
    assert (rotation.outcome, rotation.trouble) == ("failed", "create is refused")
    assert list(world.provider) == ["k0"]


async def test_an_old_key_that_cannot_be_ended_is_left_to_a_person(database: Database) -> None:
    world = await World(database, Limits()).open()
    world.faults.refused["delete"] = 100
    _, rotation_id = await begun(world)
    rotation = await world.run(rotation_id)
    assert rotation.outcome == "failed"
    assert "by hand" in rotation.trouble
    assert world.stored == world.provider["k1"].secret


async def test_a_process_that_cannot_read_the_store_is_waited_for(database: Database) -> None:
    world = await World(database, Limits()).open()
    world.processes[1].is_cut_off = True

    async def mend() -> None:
        rotation = (await world.rotations.running())[-1]
        assert rotation.step == "switch"
        assert world.processes[1].name in rotation.trouble
        world.processes[1].is_cut_off = False

    world.at[900] = mend
    _, rotation_id = await begun(world)
    rotation = await world.run(rotation_id)
    assert rotation.outcome == "done"
    assert rotation.ended_s > START_S + 900


async def test_a_process_that_comes_late_with_the_old_key_gets_it_back_until_it_has_switched(
    database: Database,
) -> None:
    world = await World(database, Limits(tells_use=False)).open()
    late = world.processes.pop()
    await world.states.leave(late.name)

    async def say() -> None:
        await world.states.say(world.credential, late.name, world.first.secret.fingerprint, int(world.now_s))

    async def call() -> None:
        assert world.provider["k0"].is_active, "it has said which key it uses"
        late.due_s = world.now_s + 5
        world.processes.append(late)

    world.at[11], world.at[14] = say, call
    world.pace = replace(world.pace, look_s=1)
    engine, rotation_id = await begun(world)
    rotation = await engine.drive(rotation_id, lambda _: None)
    assert rotation.outcome == "done"
    assert any("used again" in past.what for past in rotation.past)
    assert late.secret == world.stored


async def test_who_else_uses_the_old_key_is_waited_for_until_a_person_insists(database: Database) -> None:
    world = await World(database, Limits()).open()
    world.pace = replace(world.pace, own_s=30)
    world.strangers = [world.first.secret]
    engine, rotation_id = await begun(world)

    async def insist() -> None:
        rotation = await engine.get(rotation_id)
        assert "somebody else still uses" in rotation.trouble
        assert world.provider["k0"].is_active
        world.strangers.clear()
        await world.engine().insist(rotation_id, "ann")

    world.at[2000] = insist
    rotation = await engine.drive(rotation_id, lambda _: None)
    assert rotation.outcome == "done"
    assert rotation.ended_s > START_S + 2000
    assert list(world.provider) == ["k1"]


async def test_a_third_key_in_the_store_ends_it_without_ending_a_key(database: Database) -> None:
    world = await World(database, Limits()).open()
    third = world.make("by ann")

    async def paste() -> None:
        world.stored = third.secret
        for process in world.processes:
            process.due_s = world.now_s

    world.at[6] = paste
    _, rotation_id = await begun(world)
    rotation = await world.run(rotation_id)
    assert rotation.outcome == "failed"
    assert "another key" in rotation.trouble
    assert all(key.is_active for key in world.provider.values())


async def test_a_pasted_key_is_tried_stored_and_people_are_reminded_of_the_old_one(database: Database) -> None:
    world = await World(database, PERSON, kind="assisted").open()
    engine, rotation_id = await begun(world)
    rotation = await engine.drive(rotation_id, lambda _: None)
    assert rotation.waits_for_key
    assert rotation.trouble == "make one on the page of the shop"
    with pytest.raises(ChangeRefusedError, match="no new one"):
        await engine.supply(rotation_id, world.first.secret, "ann")
    with pytest.raises(ChangeRefusedError, match="does not accept"):
        await engine.supply(rotation_id, Secret("mistyped"), "ann")
    pasted = world.make("by ann").secret
    await engine.supply(rotation_id, pasted, "ann")
    rotation = await engine.drive(rotation_id, lambda _: None)
    assert rotation.outcome == "done"
    assert world.stored == pasted
    assert "by hand (k0) at its provider by hand" in rotation.trouble
    assert "mistyped" not in repr(await engine.get(rotation_id))


async def test_a_pasted_key_is_its_processs_alone_until_it_is_stored_and_asked_for_again_when_that_dies(
    database: Database,
) -> None:
    world = await World(database, replace(PERSON, learns_s=1), kind="assisted").open()
    first, rotation_id = await begun(world)
    await first.drive(rotation_id, lambda _: None)
    pasted = world.make("by ann")
    await first.supply(rotation_id, pasted.secret, "ann")
    other = world.engine()
    assert (await other.advance(rotation_id)).step == "verify", "who has no key leaves it to who has it"
    with pytest.raises(ChangeRefusedError, match="waits for no key"):
        await other.supply(rotation_id, world.make("another").secret, "bob")
    assert (await other.supply(rotation_id, pasted.secret, "ann")).step == "verify", "said twice it is said once"
    world.now_s += world.pace.claim_s + 1  # the first process is gone, and so is its claim
    rotation = await other.drive(rotation_id, lambda _: None)
    assert (rotation.step, rotation.waits_for_key) == ("create", True)
    assert rotation.trouble == "the new key was lost before it was stored: paste it again"
    await other.supply(rotation_id, pasted.secret, "bob")
    assert (await other.drive(rotation_id, lambda _: None)).outcome == "done"
    assert world.stored == pasted.secret
    assert [past.what for past in (await other.get(rotation_id)).past if "has given" in past.what] == [
        "ann has given a key",
        "bob has given a key",
    ]


async def test_a_key_that_is_given_while_another_goes_on_is_kept_nowhere(database: Database) -> None:
    world = await World(database, PERSON, kind="assisted").open()
    first, rotation_id = await begun(world)
    await first.drive(rotation_id, lambda _: None)
    other = world.engine()

    async def overtake() -> None:
        world.now_s += world.pace.claim_s + 1
        await other.roll_back(rotation_id, "bob")

    world.limits = replace(world.limits, learns_s=2)
    world.at[world.now_s - START_S + 1] = overtake
    with pytest.raises(ChangeRefusedError, match="another process has gone on"):
        await first.supply(rotation_id, world.make("by ann").secret, "ann")
    assert (await first.drive(rotation_id, lambda _: None)).outcome == "rolled_back"
    assert world.stored == world.first.secret


async def test_without_a_key_a_token_is_got(database: Database) -> None:
    world = await World(database, Limits()).open()
    got: list[str] = []

    async def renew() -> None:
        got.append("token")

    world.target = lambda credential: Target(credential, "shop", "federated", renew=renew)  # type: ignore[method-assign]
    engine, rotation_id = await begun(world)
    assert (await engine.drive(rotation_id, lambda _: None)).outcome == "done"
    assert got == ["token"]
    assert "no key" in (await engine.plan(world.credential)).steps[0]


async def test_two_processes_that_tend_do_each_thing_once(database: Database) -> None:
    world = await World(database, Limits()).open()
    first, second = world.engine(), world.engine()
    rotation_id = (await first.begin(world.credential, "schedule")).id
    while not (await first.get(rotation_id)).outcome:
        await first.tend()
        await second.tend()
        await world.pause(1.0)
    assert [world.done.count(what) for what in ("create", "write", "disable", "delete")] == [1, 1, 1, 1]
