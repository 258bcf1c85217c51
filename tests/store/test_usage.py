"""Usage equals what an independent count says, whatever is asked, from roll-ups and from entries, however large the
amounts are, and whatever has been rolled up, deleted or come late meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.core.usage import Usage
from keywright.store import Dimension, Store, UsageRow
from keywright.store.rollups import DAY_S, HOUR_S
from keywright.store.usage import Filters, UsageQuery, select_usage
from keywright.store.wide import INT64_MAX, TOKENS_MAX
from tests.store.samples import ENTRY, START_S, START_US

VALUES: dict[Dimension, Callable[[Entry], str]] = {
    "day": lambda entry: datetime.fromtimestamp(entry.started_us // 10**6, UTC).date().isoformat(),
    "hour": lambda entry: datetime.fromtimestamp(entry.started_us // 10**6, UTC).isoformat()[:13],
    "project": lambda entry: entry.project,
    "key": lambda entry: entry.key_id,
    "owner": lambda entry: entry.owner,
    "provider": lambda entry: entry.provider,
    "model": lambda entry: entry.served,
    "requested": lambda entry: "" if entry.outcome == "refused" else entry.model,
    "credential": lambda entry: entry.credential,
    "outcome": lambda entry: entry.outcome,
}
FILTERED: tuple[Dimension, ...] = tuple(name for name in VALUES if name not in ("day", "hour"))

amounts = st.integers(0, 5000) | st.integers(INT64_MAX - 5, INT64_MAX)
tokens = st.integers(0, 5000) | st.just(TOKENS_MAX)
moments_us = st.integers(START_US - 3 * HOUR_S * 10**6, START_US + 60 * HOUR_S * 10**6)
moments_s = st.integers(START_S - 4 * HOUR_S, START_S + 61 * HOUR_S) | st.sampled_from(
    [START_S // DAY_S * DAY_S + days * DAY_S for days in range(-1, 4)]
)
entries_drawn = st.lists(
    st.builds(
        lambda started_us, project, served, outcome, cost, prompt, tags: replace(
            ENTRY,
            started_us=started_us,
            project=project,
            key_id=f"key_{project}",
            owner=f"{project}'s",
            served=served,
            provider=served.partition("/")[0],
            credential=f"of {served}",
            outcome=outcome,
            cost_picodollars=cost,
            price="" if outcome == "lost" else "p",
            usage=Usage(input=prompt, output=3, reasoning=2, cache_read=prompt // 2, cache_write_1h=1),
            tags=tags,
        ),
        moments_us,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["", "openai/x", "groq/y"]),
        st.sampled_from(["ok", "refused", "failed", "lost"]),
        amounts,
        tokens,
        st.sampled_from([(), (("team", "x"),), (("team", "x"), ("app", "y")), (("team", "z"), ("team", "z"))]),
    ),
    max_size=25,
)
filters_drawn = st.one_of(
    st.just(Filters()),
    st.builds(lambda projects: Filters(project=tuple(projects)), st.sets(st.sampled_from(["a", "b", "c"]))),
    st.builds(
        lambda tag, outcome: Filters(tag=tag, outcome=(outcome,)),
        st.sampled_from([("team=x",), ("app=y", "team=z"), ("nobody=",)]),
        st.sampled_from(["ok", "lost"]),
    ),
    st.just(Filters(unpriced=True, model=("openai/x", ""))),
)
questions = st.builds(
    UsageQuery,
    st.lists(st.sampled_from([*sorted(VALUES), "tag"]), max_size=3, unique=True).map(tuple),
    moments_s,
    moments_s,
    filters_drawn,
)


def tag_set(entry: Entry) -> set[str]:
    return {f"{name}={value}" for name, value in entry.tags}


def is_unpriced(entry: Entry) -> bool:
    return not entry.price and entry.served != ""


def passes(entry: Entry, filters: Filters) -> bool:
    for dimension in FILTERED:
        wanted = getattr(filters, dimension)
        if wanted and VALUES[dimension](entry) not in wanted:
            return False
    if filters.tag and not tag_set(entry) & set(filters.tag):
        return False
    return is_unpriced(entry) or not filters.unpriced


def groups(entry: Entry, by: tuple[Dimension, ...]) -> Iterator[tuple[str, ...]]:
    for tag in tag_set(entry) if "tag" in by else {""}:
        yield tuple(tag if dimension == "tag" else VALUES[dimension](entry) for dimension in by)


def counted(entries: Sequence[Entry], query: UsageQuery) -> tuple[UsageRow, ...]:
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        if query.since_s * 10**6 <= entry.started_us < query.until_s * 10**6 and passes(entry, query.filters):
            for group in groups(entry, query.by):
                found.setdefault(group, []).append(entry)
    return tuple(
        UsageRow(
            by=group,
            calls=len(members),
            ok=sum(member.outcome == "ok" for member in members),
            input_tokens=sum(min(member.usage.input_total, TOKENS_MAX) for member in members),
            output_tokens=sum(member.usage.output_total for member in members),
            cost_picodollars=sum(member.cost_picodollars for member in members),
            refused=sum(member.outcome == "refused" for member in members),
            failed=sum(member.outcome == "failed" for member in members),
            unpriced=sum(is_unpriced(member) for member in members),
            cache_read_tokens=sum(member.usage.cache_read for member in members),
            cache_write_tokens=sum(member.usage.cache_write_1h for member in members),
            reasoning_tokens=sum(member.usage.reasoning for member in members),
        )
        for group, members in sorted(found.items())
    )


async def answer(store: Store, query: UsageQuery) -> tuple[UsageRow, ...]:
    return await store.database.read(lambda connection: select_usage(connection, query))


@settings(deadline=None)
@given(entries_drawn, st.lists(questions, min_size=1, max_size=6))
def test_usage_is_what_an_independent_count_says(drawn: list[Entry], asked: list[UsageQuery]) -> None:
    entries = [replace(entry, id=f"req_{at}") for at, entry in enumerate(drawn)]

    async def run() -> None:
        store = await Store.open("sqlite://")
        await store.write_entries(entries[::2])
        await store.write_entries(entries)
        for query in asked:
            expected = counted(entries, query)
            assert await answer(store, query) == expected
            assert await answer(store, replace(query, raw=True)) == expected
        await store.close()

    asyncio.run(run())


async def test_sums_beyond_64_bits_are_exact_in_roll_ups_and_entries(store: Store) -> None:
    large = replace(ENTRY, cost_picodollars=INT64_MAX, usage=Usage(input=TOKENS_MAX, output=TOKENS_MAX))
    for at in range(7):
        await store.write_entries([replace(large, id=f"req_{at}")])
    for raw in (False, True):
        query = UsageQuery(("model",), (START_S - DAY_S) // DAY_S * DAY_S, START_S // DAY_S * DAY_S + DAY_S, raw=raw)
        (row,) = await answer(store, query)
        assert row.cost_picodollars == 7 * INT64_MAX
        assert row.input_tokens == row.output_tokens == 7 * TOKENS_MAX


async def test_a_provider_that_reports_absurd_numbers_cannot_stop_the_ledger(store: Store) -> None:
    absurd = replace(ENTRY, usage=Usage(input=2**63, cache_read=2**63), cost_picodollars=2**64)
    assert await store.write_entries([absurd]) == 1
    (row,) = await store.usage((), START_S, START_S + 1)
    assert (row.input_tokens, row.cost_picodollars) == (TOKENS_MAX, INT64_MAX)


async def test_time_that_begins_or_ends_within_an_hour_is_cut_at_the_second(store: Store) -> None:
    hour_s = START_S // HOUR_S * HOUR_S
    moments = [hour_s - 1, hour_s, hour_s + 1, hour_s + HOUR_S - 1, hour_s + HOUR_S, hour_s + HOUR_S + 1]
    await store.write_entries([replace(ENTRY, id=str(at), started_us=at * 10**6) for at in moments])

    async def calls(since_s: int, until_s: int) -> int:
        return sum(row.calls for row in await store.usage(("hour",), since_s, until_s))

    assert await calls(hour_s, hour_s + HOUR_S) == 3
    assert await calls(hour_s - 1, hour_s + HOUR_S + 1) == 5
    assert await calls(hour_s + 1, hour_s + 2) == 1
    assert await calls(hour_s + 1, hour_s + 1) == 0
