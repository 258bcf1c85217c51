"""Rotations are claimed, saved by who holds the claim, and one at a time; processes say which key they use."""

import asyncio

import pytest
from msgspec.structs import replace

from keywright.core.errors import ChangeRefusedError
from keywright.core.rotation import CredentialFacts, CredentialUser, KeyMark, Past, Rotation, RotationState
from keywright.store import Store
from keywright.store.credentials import CredentialStates
from keywright.store.rotations import Rotations

NOW_S = 1_800_000_000
ROTATION = Rotation(
    "rot_1", "openai", "openai", "api", "create", NOW_S, NOW_S, old=KeyMark("k", "aa"), past=(Past(1, "create", "é"),)
)


async def test_a_rotation_is_claimed_by_one_and_saved_by_that_one_alone(store: Store) -> None:
    rotations = Rotations(store.database)
    await rotations.begin(ROTATION)
    assert await rotations.get("rot_1") == ROTATION
    claims = await asyncio.gather(*(rotations.claim("rot_1", name, NOW_S, 60) for name in ("a", "b")))
    assert sorted(claim is None for claim in claims) == [False, True]
    winner, other = ("a", "b") if claims[0] else ("b", "a")
    later = replace(ROTATION, step="verify")
    assert not await rotations.save(later, other)
    assert await rotations.save(later, winner)
    assert await rotations.claim("rot_1", winner, NOW_S + 1, 60) == later
    assert await rotations.claim("rot_1", other, NOW_S + 60, 60) is None
    assert await rotations.claim("rot_1", other, NOW_S + 61, 60) == later
    assert not await rotations.save(ROTATION, winner)
    await rotations.release("rot_1", winner)
    assert await rotations.claim("rot_1", winner, NOW_S + 62, 60) is None
    await rotations.release("rot_1", other)
    assert await rotations.claim("rot_1", winner, NOW_S + 62, 60) == later


async def test_of_a_credential_one_goes_on_and_what_has_ended_stays_as_it_is(store: Store) -> None:
    rotations = Rotations(store.database)
    began = await asyncio.gather(
        *(rotations.begin(replace(ROTATION, id=f"rot_{number}")) for number in range(3)), return_exceptions=True
    )
    assert sum(isinstance(one, ChangeRefusedError) for one in began) == 2
    (running,) = await rotations.running()
    with pytest.raises(ChangeRefusedError, match=f"the key of openai is being replaced already, by {running.id}"):
        await rotations.begin(replace(ROTATION, id="rot_7", credential="openai/team"), ("openai",))
    await rotations.claim(running.id, "a", NOW_S, 60)
    over = replace(running, outcome="done", ended_s=NOW_S)
    assert await rotations.save(over, "a")
    assert not await rotations.save(running, "a")
    assert await rotations.claim(running.id, "a", NOW_S, 60) is None
    assert await rotations.running() == ()
    await rotations.begin(replace(ROTATION, id="rot_9", began_s=NOW_S + 1))
    assert (await rotations.last("openai")) == replace(ROTATION, id="rot_9", began_s=NOW_S + 1)
    await rotations.begin(replace(ROTATION, id="rot_8", credential="mistral", began_s=NOW_S))
    assert {one.credential: one.id for one in await rotations.newest()} == {"openai": "rot_9", "mistral": "rot_8"}
    assert await rotations.get("rot_none") is None


async def test_they_are_listed_from_the_newest_on_page_by_page(store: Store) -> None:
    rotations = Rotations(store.database)
    for number in range(5):
        await rotations.begin(replace(ROTATION, id=f"rot_{number}", credential=f"c{number % 5}", began_s=NOW_S))
    first = await rotations.page(2)
    assert [one.id for one in first] == ["rot_4", "rot_3"]
    rest = await rotations.page(9, (first[-1].began_s, first[-1].id))
    assert [one.id for one in rest] == ["rot_2", "rot_1", "rot_0"]
    assert [one.id for one in await rotations.page(9, credential="c1")] == ["rot_1"]


async def test_a_page_has_those_in_one_state_if_one_is_named(store: Store) -> None:
    rotations = Rotations(store.database)
    says = 'people wrote "outcome":"failed" and "waits_for_key":true'
    became: dict[RotationState, Rotation] = {
        "running": replace(ROTATION, trouble=says, past=(Past(1, "create", says),)),
        "waiting": replace(ROTATION, waits_for_key=True),
        "done": replace(ROTATION, outcome="done", ended_s=NOW_S, trouble=says),
        "rolled_back": replace(ROTATION, outcome="rolled_back", back="rolled_back", ended_s=NOW_S),
        "failed": replace(ROTATION, outcome="failed", ended_s=NOW_S),
    }
    for state, rotation in became.items():
        await rotations.begin(replace(rotation, id=state, credential=state))
    for state in became:
        found = await rotations.page(9, state=state)
        assert [(one.id, one.state) for one in found] == [(state, state)]


async def test_facts_are_changed_noted_and_asked_for(store: Store) -> None:
    states = CredentialStates(store.database)
    assert await states.get("openai") is None
    before = await store.version()
    facts = CredentialFacts("openai", "aa", since_s=NOW_S)
    assert await states.change("openai", lambda known: replace(known, fingerprint="aa", since_s=NOW_S)) == facts
    assert await states.changed(before) == ("openai",)
    after = await store.version()
    assert after > before
    noted = await states.note("openai", lambda known: replace(known, verified_s=NOW_S))
    assert noted == replace(facts, verified_s=NOW_S) == await states.get("openai")
    await states.note("cohere", lambda known: replace(known, kind="trial"))
    assert (await store.version(), await states.changed(after)) == (after, ())
    await states.ask_all("openai")
    assert await states.changed(after) == ("openai",)
    assert await states.all() == (CredentialFacts("cohere", kind="trial"), noted)


async def test_of_changes_at_the_same_time_none_is_lost(store: Store) -> None:
    states = CredentialStates(store.database)
    await asyncio.gather(
        states.change("openai", lambda known: replace(known, disabled=True)),
        *(states.note("openai", lambda known: replace(known, looked_s=known.looked_s + 1)) for _ in range(5)),
        states.note("openai", lambda known: replace(known, kind="trial")),
    )
    assert await states.get("openai") == CredentialFacts("openai", disabled=True, looked_s=5, kind="trial")


async def test_who_uses_which_key_is_told_until_its_process_is_gone(store: Store) -> None:
    states = CredentialStates(store.database)
    await states.say("openai", "b", "old", NOW_S)
    await states.say("openai", "a", "old", NOW_S)
    await states.say("openai", "a", "new", NOW_S + 5)
    await states.say("cohere", "a", "other", NOW_S + 5)
    await states.live("b", NOW_S + 9)
    assert await states.users("openai") == (
        CredentialUser("a", "new", NOW_S + 5, NOW_S + 5),
        CredentialUser("b", "old", NOW_S, NOW_S + 9),
    )
    await store.release("b")
    assert [user.holder for user in await states.users("openai")] == ["a"]
    await states.leave("a")
    assert await states.users("openai") == ()
    assert await states.users("cohere") == ()


@pytest.mark.parametrize("holder", ["a"])
async def test_who_was_released_and_says_something_counts_again(store: Store, holder: str) -> None:
    states = CredentialStates(store.database)
    await states.say("openai", holder, "old", NOW_S)
    await store.release(holder)
    await states.say("openai", holder, "old", NOW_S + 60)
    assert len(await states.users("openai")) == 1
