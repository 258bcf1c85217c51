"""Maintenance and retention change no answer, whenever they run, whatever comes late, and whoever runs them at once."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import func, select

from keywright.core.entry import Entry
from keywright.store import Store, UsageRow
from keywright.store.maintenance import CLAIM_S, LATE_S, Maintained, maintain, roll_up_days
from keywright.store.retention import forget_entries
from keywright.store.rollups import DAY_S
from keywright.store.schema import ENTRIES, USAGE_DAYS
from keywright.store.usage import UsageQuery
from tests.store.samples import ENTRY, START_S, START_US
from tests.store.test_usage import answer, counted, entries_drawn

DAY0_S = START_S // DAY_S * DAY_S
WHOLE = UsageQuery(("day", "project", "key", "model"), DAY0_S - DAY_S, DAY0_S + 9 * DAY_S)


def on_days(*days: int) -> list[Entry]:
    return [
        replace(ENTRY, id=f"req_{day}_{at}", started_us=(DAY0_S + day * DAY_S + at * 5000) * 10**6)
        for day in days
        for at in range(4)
    ]


async def rows(store: Store, query: UsageQuery = WHOLE) -> tuple[UsageRow, ...]:
    return await answer(store, query)


async def kept(store: Store) -> int:
    return await store.database.read(lambda c: c.execute(select(func.count()).select_from(ENTRIES)).scalar_one())


async def test_days_that_are_over_are_rolled_up_once(store: Store) -> None:
    await store.write_entries(on_days(0, 1, 3))
    before = await rows(store)
    assert await roll_up_days(store.database, DAY0_S + 2 * DAY_S) == 2
    assert await roll_up_days(store.database, DAY0_S + 2 * DAY_S) == 0
    assert await rows(store) == before == counted(on_days(0, 1, 3), WHOLE)
    days = select(USAGE_DAYS.c.day_s).distinct().order_by(USAGE_DAYS.c.day_s)
    found = await store.database.read(lambda c: list(c.execute(days).scalars()))
    assert found == [DAY0_S, DAY0_S + DAY_S]


async def test_an_entry_of_a_day_that_is_rolled_up_corrects_it(store: Store) -> None:
    await store.write_entries(on_days(0, 1))
    await roll_up_days(store.database, DAY0_S + 3 * DAY_S)
    late = [replace(entry, id=f"{entry.id}_late") for entry in on_days(1, 2)]
    await store.write_entries(late)
    assert await rows(store) == counted([*on_days(0, 1), *late], WHOLE)


async def test_a_day_is_not_rolled_up_before_it_is_over_for_a_while(store: Store) -> None:
    await store.write_entries(on_days(0))
    end_s = DAY0_S + DAY_S
    assert await maintain(store.database, end_s, None) == Maintained(0, 0)
    assert await maintain(store.database, end_s + CLAIM_S, None) == Maintained(1, 0)
    assert CLAIM_S > LATE_S


async def test_of_several_that_maintain_at_once_one_does(store: Store, url: str) -> None:
    await store.write_entries(on_days(0, 1))
    others = [await Store.open(url) for _ in range(2)] if "://" in url else []
    now_s = DAY0_S + 4 * DAY_S
    done = await asyncio.gather(*(maintain(each.database, now_s, None) for each in (store, *others)))
    assert sorted(map(str, done)) == sorted(map(str, [Maintained(2, 0), *[None] * len(others)]))
    assert await maintain(store.database, now_s + 60, None) is None
    assert await maintain(store.database, now_s + CLAIM_S, None) == Maintained(0, 0)
    for other in others:
        await other.close()


async def test_days_can_be_rolled_up_while_late_entries_come(store: Store, url: str) -> None:
    other = await Store.open(url)
    late = [replace(ENTRY, id=f"late_{at}", started_us=START_US + at * 3600 * 10**6) for at in range(120)]

    async def write() -> None:
        for entry in late:
            await other.write_entries([entry])

    async def roll() -> None:
        for day in range(1, 8):
            await roll_up_days(store.database, DAY0_S + day * DAY_S)
            await asyncio.sleep(0.01)

    await asyncio.gather(write(), roll())
    assert await rows(store) == counted(late, WHOLE)
    await other.close()


async def test_what_is_forgotten_stays_in_every_roll_up(sqlite_store: Store) -> None:
    store, entries = sqlite_store, on_days(0, 1, 2, 3)
    await store.write_entries(entries)
    questions = [
        WHOLE,
        replace(WHOLE, by=("hour", "credential")),
        replace(WHOLE, by=("tag", "day")),
        replace(WHOLE, by=("outcome",), since_s=DAY0_S, until_s=DAY0_S + 2 * DAY_S),
    ]
    before = [await rows(store, question) for question in questions]
    await roll_up_days(store.database, DAY0_S + 6 * DAY_S)
    assert await forget_entries(store.database, DAY0_S + 2 * DAY_S + 7000) == 8
    assert await kept(store) == 8
    assert [await rows(store, question) for question in questions] == before
    assert await rows(store, replace(WHOLE, raw=True)) == counted(on_days(2, 3), WHOLE)


async def test_where_entries_are_gone_a_time_within_an_hour_counts_the_whole_hour(sqlite_store: Store) -> None:
    store = sqlite_store
    await store.write_entries(on_days(0, 1))
    await roll_up_days(store.database, DAY0_S + 6 * DAY_S)
    await forget_entries(store.database, DAY0_S + DAY_S)
    (row,) = await rows(store, UsageQuery((), DAY0_S + 5001, DAY0_S + 5002))
    assert row.calls == 1
    (row,) = await rows(store, UsageQuery(("tag",), DAY0_S + 5001, DAY0_S + 5002))
    assert row.calls == 4


async def test_nothing_is_forgotten_that_is_not_rolled_up(store: Store) -> None:
    await store.write_entries(on_days(0, 1))
    assert await forget_entries(store.database, DAY0_S + 9 * DAY_S) == 0
    assert await kept(store) == 8


async def test_postgresql_drops_whole_months(postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    await store.write_entries(on_days(0, 70))
    before = await rows(store, replace(WHOLE, until_s=DAY0_S + 99 * DAY_S))
    assert await maintain(store.database, DAY0_S + 80 * DAY_S, 30) == Maintained(2, 1)
    assert await kept(store) == 4
    assert await rows(store, replace(WHOLE, until_s=DAY0_S + 99 * DAY_S)) == before
    await store.close()


@settings(deadline=None, max_examples=15)
@given(entries_drawn, st.lists(st.integers(0, 4), max_size=4), st.data())
def test_whatever_is_rolled_up_when_answers_are_those_of_a_count(
    drawn: Sequence[Entry], days: list[int], data: st.DataObject
) -> None:
    entries = [replace(entry, id=f"req_{at}") for at, entry in enumerate(drawn)]
    cuts = sorted(data.draw(st.integers(0, len(entries))) for _ in days)

    async def run() -> None:
        store = await Store.open("sqlite://")
        for day, (start, end) in zip(days, pairwise([0, *cuts]), strict=True):
            await store.write_entries(entries[start:end])
            await roll_up_days(store.database, DAY0_S + day * DAY_S)
            await forget_entries(store.database, DAY0_S + (day - 1) * DAY_S)
        await store.write_entries(entries[max(cuts, default=0) :])
        for by in (("day", "project", "model"), ("hour", "outcome"), ("tag",), ()):
            query = replace(WHOLE, by=by)
            assert await rows(store, query) == counted(entries, query)
        await store.close()

    asyncio.run(run())
