"""Leases: what is shared out never exceeds what there is, and what is spent counts once."""

import pytest
from msgspec.structs import replace

from keywright.core.errors import StoreError
from keywright.core.escrow import Back, Need, Spare, Standing, Want
from keywright.store import Store
from keywright.store.escrow import ABANDONED_S, ALIVE_S
from tests.store.samples import ENTRY, START_S

CAP = 10**20
ACCOUNT = "bud_1@0"


def need(amount: int, account: str = ACCOUNT, cap: int = CAP) -> Need:
    return Need(account, cap, amount)


@pytest.fixture(autouse=True)
async def _holders(store: Store) -> None:
    for holder in ("a", "b", "c"):
        await store.escrow.introduce(holder, START_S)


async def test_a_want_is_granted_whole_or_not_at_all(store: Store) -> None:
    both = (need(60), need(5, "bud_2@0", 4))
    answers = await store.escrow.ask("a", (), [Want(both)], (), START_S)
    assert answers.short[0] is not None
    assert answers.short[0].account == "bud_2@0"
    assert answers.short[0].recall is None, "nobody else holds any of it"
    assert await store.escrow.standing([ACCOUNT], START_S) == {ACCOUNT: Standing(0, 0)}


async def test_what_is_granted_is_out_of_reach_for_others_until_it_comes_back(store: Store) -> None:
    assert (await store.escrow.ask("a", (), [Want((need(60, cap=100),))], (), START_S)).short == (None,)
    short = (await store.escrow.ask("b", (), [Want((need(60, cap=100),))], (), START_S)).short[0]
    assert short is not None
    assert short.left == 40
    assert short.recall is not None
    assert await store.escrow.recalled("a") == {ACCOUNT: short.recall}
    assert await store.escrow.unanswered("b", {ACCOUNT: short.recall}, START_S)
    await store.escrow.give_back("a", [Back(ACCOUNT, 30)], {ACCOUNT: short.recall})
    assert not await store.escrow.unanswered("b", {ACCOUNT: short.recall}, START_S)
    assert not await store.escrow.recalled("a")
    assert (await store.escrow.ask("b", (), [Want((need(60, cap=100),))], (), START_S)).short == (None,)
    assert (await store.escrow.standing([ACCOUNT], START_S))[ACCOUNT] == Standing(0, 90)


async def test_nobody_is_recalled_for_what_could_not_suffice_even_if_all_came_back(store: Store) -> None:
    await store.escrow.ask("a", (), [Want((need(60, cap=100),))], (), START_S)
    short = (await store.escrow.ask("b", (), [Want((need(101, cap=100),))], (), START_S)).short[0]
    assert short is not None
    assert short.recall is None
    assert not await store.escrow.recalled("a")


async def test_who_is_dead_is_not_waited_for(store: Store) -> None:
    await store.escrow.ask("a", (), [Want((need(60, cap=100),))], (), START_S)
    short = (await store.escrow.ask("b", (), [Want((need(60, cap=100),))], (), START_S)).short[0]
    assert short is not None
    assert short.recall is not None
    assert not await store.escrow.unanswered("b", {ACCOUNT: short.recall}, START_S + ALIVE_S + 1)


async def test_spare_is_a_fair_share_and_none_while_somebody_lacks(store: Store) -> None:
    first = await store.escrow.ask("a", (), [Want((need(10, cap=100),))], [Spare(ACCOUNT, 100, 1000)], START_S)
    assert first.spare == {ACCOUNT: 45}
    second = await store.escrow.ask("b", (), [Want((need(60, cap=100),))], [Spare(ACCOUNT, 100, 1000)], START_S)
    assert second.spare == {}
    third = await store.escrow.ask("c", (), [Want((need(1, cap=100),))], [Spare(ACCOUNT, 100, 1000)], START_S)
    assert third.spare == {}, "others have been recalled for somebody"


async def test_a_cost_counts_once_however_often_its_entry_is_brought(store: Store) -> None:
    await store.escrow.ask("a", (), [Want((need(100),))], (), START_S)
    entry = replace(
        ENTRY, cost_picodollars=70, reserved_picodollars=100, reserved=(ACCOUNT,), charged=(ACCOUNT, "soft@0")
    )
    for _ in range(2):
        await store.write_entries([entry], "a")
    standing = await store.escrow.standing([ACCOUNT, "soft@0"], START_S)
    assert standing == {ACCOUNT: Standing(70, 30), "soft@0": Standing(70, 0)}


async def test_a_cost_above_its_reservation_is_settled_whole(store: Store) -> None:
    await store.escrow.ask("a", (), [Want((need(100),))], (), START_S)
    await store.write_entries(
        [replace(ENTRY, cost_picodollars=150, reserved_picodollars=100, reserved=(ACCOUNT,), charged=(ACCOUNT,))], "a"
    )
    assert (await store.escrow.standing([ACCOUNT], START_S))[ACCOUNT] == Standing(150, 0)


async def test_amounts_have_no_bound(store: Store) -> None:
    much = 10**30
    assert (await store.escrow.ask("a", (), [Want((need(much, cap=much),))], (), START_S)).short == (None,)
    assert (await store.escrow.standing([ACCOUNT], START_S))[ACCOUNT].granted == much


async def test_what_the_dead_held_returns(store: Store) -> None:
    await store.escrow.ask("a", (), [Want((need(100),))], (), START_S)
    await store.escrow.ask("b", (), [Want((need(7),))], (), START_S + 10)
    await store.escrow.release("a")
    assert (await store.escrow.standing([ACCOUNT], START_S))[ACCOUNT] == Standing(0, 7)
    assert await store.escrow.release_abandoned("d", START_S + ABANDONED_S) == ()
    late_s = START_S + 11 + ABANDONED_S
    assert await store.escrow.release_abandoned("b", late_s) == ("c",), "who asks lives, however long it slept"
    assert await store.escrow.release_abandoned("d", late_s) == ("b",)
    assert (await store.escrow.standing([ACCOUNT], START_S))[ACCOUNT] == Standing(0, 0)


async def test_a_rolling_window_forgets_what_lies_before_it(store: Store) -> None:
    hour = "bud_3@+3600"
    await store.escrow.ask("a", (), [Want((need(100, hour),))], (), START_S)
    entry = replace(ENTRY, cost_picodollars=70, reserved_picodollars=100, reserved=(hour,), charged=(hour,))
    await store.write_entries([entry], "a")
    assert (await store.escrow.standing([hour], START_S + 3600))[hour].settled == 70
    later = START_S + 3600 + 2 * 75
    assert (await store.escrow.standing([hour], later))[hour].settled == 0
    answers = await store.escrow.ask("a", [Back(hour, 30)], [Want((need(CAP, hour),))], (), later)
    assert answers.short == (None,)


async def test_who_was_released_is_granted_nothing_any_more(store: Store) -> None:
    await store.escrow.release("a")
    with pytest.raises(StoreError, match="released"):
        await store.escrow.ask("a", (), [Want((need(1),))], (), START_S)
