"""Costs are corrected step by step with their roll-ups, and undone to the very bytes that were there before."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from keywright.catalog.rerating import Correction
from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.core.usage import Usage
from keywright.store import Store
from keywright.store.reratings import BEFORE_ALL_US, Reratings, Run, Span
from keywright.store.schema import ENTRIES, TAG_DAYS, USAGE_DAYS, USAGE_HOURS
from keywright.store.wide import joined
from tests.store.samples import START_S, START_US

HOUR_US = 3600 * 10**6
WHOLE = Span(since_us=START_US, until_us=START_US + 30 * HOUR_US, as_of="2026-02-01", fees={"edge": 500})
HUGE = 2**63 - 1


def entry(number: int, *, price: str = "old", cost: int | None = None, hour: int | None = None) -> Entry:
    return Entry(
        id=f"req_{number:03}",
        started_us=START_US + (number % 5 if hour is None else hour) * HOUR_US + number % 3,
        key_id="k",
        project="shop",
        dialect="openai_chat",
        endpoint="chat",
        model="fast",
        outcome="ok",
        status=200,
        served=f"openai/m{number % 2}",
        provider="openai",
        usage=Usage(input=100 + number, output=number),
        price=price,
        cost_picodollars=1000 + number if cost is None else cost,
        tags=(("team", f"t{number % 2}"),),
        losses=("é",),
    )


def revise(given: Entry) -> Correction | str:
    if given.served == "openai/m1" and given.price:
        return "same"
    return Correction("new", given.cost_picodollars * 2 + 1)


async def everything(store: Store) -> list[list[tuple[Any, ...]]]:
    """Every row of the tables that a run touches; of roll-ups the amount that two halves stand for, as it is read."""

    def read(connection: Connection) -> list[list[tuple[Any, ...]]]:
        rolled: Sequence[Table] = (USAGE_HOURS, USAGE_DAYS, TAG_DAYS)
        rows = [sorted((*row,) for row in connection.execute(select(ENTRIES)))]
        return rows + [
            sorted((*row[:-2], joined(row[-2], row[-1])) for row in connection.execute(select(table)))
            for table in rolled
        ]

    return await store.database.read(read)


async def done(runs: Reratings, run_id: str, entries_max: int = 7) -> int:
    steps = 1
    while (await runs.step(run_id, revise, entries_max)).more:
        steps += 1
    return steps


async def undone(runs: Reratings, run_id: str, entries_max: int = 7) -> None:
    await runs.begin_undo(run_id)
    while (await runs.undo_step(run_id, 9, entries_max)).more:
        pass


def run(number: int, span: Span = WHOLE) -> Run:
    return Run(f"rr_{number}", START_S, "ann", span, "open")


@pytest.fixture
async def runs(store: Store) -> Reratings:
    entries = [entry(number) for number in range(40)]
    entries += [entry(90, price="", cost=0), entry(91, price="", cost=0), entry(92, cost=HUGE // 4), entry(93, hour=40)]
    await store.write_entries(entries)
    return Reratings(store.database)


async def test_a_run_corrects_entries_and_roll_ups_alike(store: Store, runs: Reratings) -> None:
    await runs.begin(run(1))
    assert await done(runs, "rr_1") > 5
    found = await store.entry("req_004")
    assert found is not None
    assert (found.price, found.cost_picodollars) == ("new", 2 * 1004 + 1)
    same = await store.entry("req_005")
    assert same == entry(5)
    assert await store.entry("req_093") == entry(93, hour=40), "it is not of this span"
    entries, hours, _, tags = await everything(store)
    cost = sum(row[-2] for row in entries)
    assert cost == sum(row[-1] for row in hours) == sum(row[-1] for row in tags)
    totals = {total.model: total for total in await runs.totals("rr_1")}
    assert totals["openai/m1"].entries == 1
    assert totals["openai/m0"].new_picodollars == 2 * totals["openai/m0"].old_picodollars + totals["openai/m0"].entries


async def test_undoing_gives_every_byte_back(store: Store, runs: Reratings) -> None:
    before = await everything(store)
    await runs.begin(run(1))
    await done(runs, "rr_1")
    assert await everything(store) != before
    await undone(runs, "rr_1")
    assert await everything(store) == before
    (found,) = await runs.all()
    assert (found.state, found.undone_s, found.span) == ("undone", 9, WHOLE)
    with pytest.raises(StoreError, match="undone already"):
        await runs.begin_undo("rr_1")


async def test_a_run_that_was_ended_in_the_middle_goes_on_or_back(store: Store, runs: Reratings) -> None:
    before = await everything(store)
    await runs.begin(run(1))
    await runs.step("rr_1", revise, 10)
    await undone(runs, "rr_1")
    assert await everything(store) == before
    await runs.begin(run(2))
    await done(runs, "rr_2", 1000)
    whole = await everything(store)
    await undone(runs, "rr_2", 3)
    await runs.begin(run(3))
    await runs.step("rr_3", revise, 11)
    await done(Reratings(store.database), "rr_3", 4)
    assert await everything(store) == whole


async def test_the_size_of_a_step_does_not_matter(store: Store, runs: Reratings) -> None:
    results = []
    for number, size in enumerate((1, 2, 44, 45, 46, 1000)):
        await runs.begin(run(number))
        await done(runs, f"rr_{number}", size)
        results.append(await everything(store))
        await undone(runs, f"rr_{number}", size)
    assert all(result == results[0] for result in results)


async def test_a_look_tells_the_same_and_changes_nothing(store: Store, runs: Reratings) -> None:
    before = await everything(store)
    step, place = await runs.look(WHOLE, revise, (BEFORE_ALL_US, ""), 1000)
    assert await everything(store) == before
    assert (step.seen, step.more, place[1][:4]) == (43, False, "req_")
    await runs.begin(run(1))
    assert await runs.step("rr_1", revise, 1000) == step
    assert await runs.count(WHOLE) == step.seen


async def test_one_run_at_a_time_is_under_way(runs: Reratings) -> None:
    await runs.begin(run(1))
    with pytest.raises(StoreError, match="rr_1 is not complete: go on with --resume rr_1"):
        await runs.begin(run(2))
    await done(runs, "rr_1")
    with pytest.raises(StoreError, match="is done, and not open"):
        await runs.step("rr_1", revise, 5)
    await runs.begin_undo("rr_1")
    with pytest.raises(StoreError, match="is being undone"):
        await runs.begin(run(2))
    with pytest.raises(StoreError, match="there is no run rr_9"):
        await runs.begin_undo("rr_9")


async def test_runs_are_undone_from_the_newest_on(store: Store, runs: Reratings) -> None:
    before = await everything(store)
    for number in (1, 2):
        await runs.begin(run(number))
        await done(runs, f"rr_{number}")
    with pytest.raises(StoreError, match="rr_2 came later"):
        await runs.begin_undo("rr_1")
    await undone(runs, "rr_2")
    await undone(runs, "rr_1")
    assert await everything(store) == before


async def test_calls_that_come_meanwhile_are_neither_lost_nor_corrected(store: Store, runs: Reratings) -> None:
    await runs.begin(run(1))
    await runs.step("rr_1", revise, 30)
    await store.write_entries([entry(70, hour=0)])
    await done(runs, "rr_1")
    assert await store.entry("req_070") == entry(70, hour=0)
    await undone(runs, "rr_1")
    assert await store.entry("req_000") == entry(0)
