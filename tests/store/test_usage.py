"""Usage equals what an independent count says, whatever is asked, and however large the amounts are."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.entry import Entry
from keywright.core.usage import Usage
from keywright.store import Dimension, Store, UsageRow
from keywright.store.wide import INT64_MAX
from tests.store.samples import ENTRY, START_S, START_US

HOUR_S = 3600

VALUES: dict[Dimension, Callable[[Entry], str]] = {
    "day": lambda entry: datetime.fromtimestamp(entry.started_us // 10**6, UTC).date().isoformat(),
    "hour": lambda entry: datetime.fromtimestamp(entry.started_us // 10**6, UTC).isoformat()[:13],
    "project": lambda entry: entry.project,
    "key": lambda entry: entry.key_id,
    "provider": lambda entry: entry.provider,
    "model": lambda entry: entry.served,
    "requested": lambda entry: entry.model,
    "credential": lambda entry: entry.credential,
    "outcome": lambda entry: entry.outcome,
}

amounts = st.integers(0, 5000) | st.integers(INT64_MAX - 5, INT64_MAX)
moments_us = st.integers(START_US - 3 * HOUR_S * 10**6, START_US + 30 * HOUR_S * 10**6)
moments_s = st.integers(START_S - 4 * HOUR_S, START_S + 31 * HOUR_S)
entries_drawn = st.lists(
    st.builds(
        lambda started_us, project, served, outcome, cost, tokens: replace(
            ENTRY,
            started_us=started_us,
            project=project,
            key_id=f"key_{project}",
            served=served,
            provider=served.partition("/")[0],
            credential=f"of {served}",
            outcome=outcome,
            cost_picodollars=cost,
            usage=Usage(input=tokens, output=3),
        ),
        moments_us,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["", "openai/x", "groq/y"]),
        st.sampled_from(["ok", "failed", "lost"]),
        amounts,
        amounts,
    ),
    max_size=25,
)
questions = st.tuples(
    st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True).map(tuple), moments_s, moments_s
)


def counted(entries: Sequence[Entry], by: tuple[Dimension, ...], since_s: int, until_s: int) -> tuple[UsageRow, ...]:
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        if since_s * 10**6 <= entry.started_us < until_s * 10**6:
            groups.setdefault(tuple(VALUES[dimension](entry) for dimension in by), []).append(entry)
    return tuple(
        UsageRow(
            by=group,
            calls=len(members),
            ok=sum(member.outcome == "ok" for member in members),
            input_tokens=sum(member.usage.input_total for member in members),
            output_tokens=sum(member.usage.output_total for member in members),
            cost_picodollars=sum(member.cost_picodollars for member in members),
        )
        for group, members in sorted(groups.items())
    )


@settings(deadline=None, max_examples=60)
@given(entries_drawn, st.lists(questions, min_size=1, max_size=6))
def test_usage_is_what_an_independent_count_says(
    drawn: list[Entry], asked: list[tuple[tuple[Dimension, ...], int, int]]
) -> None:
    entries = [replace(entry, id=f"req_{at}") for at, entry in enumerate(drawn)]

    async def run() -> None:
        store = await Store.open("sqlite://")
        await store.write_entries(entries[::2])
        await store.write_entries(entries)
        for by, since_s, until_s in asked:
            assert await store.usage(by, since_s, until_s) == counted(entries, by, since_s, until_s)
        await store.close()

    asyncio.run(run())


async def test_sums_beyond_64_bits_are_exact_in_roll_ups_and_entries(store: Store) -> None:
    large = replace(ENTRY, cost_picodollars=INT64_MAX, usage=Usage(input=INT64_MAX, output=INT64_MAX))
    entries = [replace(large, id=f"req_{at}") for at in range(7)]
    for entry in entries:
        await store.write_entries([entry])
    for dimension in ("model", "credential"):
        (row,) = await store.usage((dimension,), START_S - HOUR_S, START_S + HOUR_S)
        assert row.cost_picodollars == row.input_tokens == row.output_tokens == 7 * INT64_MAX


async def test_a_provider_that_reports_absurd_numbers_cannot_stop_the_ledger(store: Store) -> None:
    absurd = replace(ENTRY, usage=Usage(input=2**63, cache_read=2**63), cost_picodollars=2**64)
    assert await store.write_entries([absurd]) == 1
    (row,) = await store.usage((), START_S, START_S + 1)
    assert row.input_tokens == row.cost_picodollars == INT64_MAX


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
