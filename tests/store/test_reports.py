"""Each question of the reports is answered as a count over the entries says, on either store."""

from fnmatch import fnmatchcase

import pytest
from msgspec.structs import replace

from keywright.core.budget import Budget, subject
from keywright.core.entry import Entry
from keywright.store import Store
from keywright.store.burn import forecast, select_burn_down
from keywright.store.entries import reprice
from keywright.store.growth import WEEK_S
from keywright.store.maintenance import roll_up_days
from keywright.store.reports import Reports
from keywright.store.rollups import DAY_S, HOUR_S
from keywright.store.schema import KEY_USES
from keywright.store.usage import UsageQuery
from tests.store.samples import ENTRY, START_S
from tests.store.test_usage import answer, counted

DAY0_S = START_S // DAY_S * DAY_S
NOW_S = DAY0_S + 20 * DAY_S + 1800


def entries() -> list[Entry]:
    """Twenty days, an entry every hundred minutes, of three keys; those of key_2 cost more every day."""
    made = []
    for at in range(20 * 14):
        key = at % 3
        day = at // 14
        made.append(
            replace(
                ENTRY,
                id=f"req_{at}",
                started_us=(DAY0_S + at * 6000) * 10**6,
                key_id=f"key_{key}",
                project="shop" if key else "lab",
                owner="ann" if key else "bot",
                credential=f"cred_{at % 2}",
                served="openai/gpt" if at % 5 else "groq/llama",
                provider="openai" if at % 5 else "groq",
                price="p" if at % 5 else "",
                address=f"10.0.0.{at % 4}",
                cost_picodollars=10**9 * (1 + day * (key == 2)) if at % 5 else 0,
                tags=(("team", f"t{key}"),) if at % 7 else (),
            )
        )
    return made


@pytest.fixture
async def filled(store: Store) -> Store:
    await store.write_entries(entries())
    await roll_up_days(store.database, DAY0_S + 15 * DAY_S)
    return store


async def test_who_used_a_credential_is_told_with_addresses_and_exact_sums(filled: Store) -> None:
    since_s = DAY0_S + 5 * DAY_S + 700
    found = await Reports(filled.database).credential_uses("cred_1", since_s, NOW_S)
    expected = [e for e in entries() if e.credential == "cred_1" and e.started_us >= since_s * 10**6]
    by_key = {use.key: use for use in found.uses}
    assert set(by_key) == {"key_0", "key_1", "key_2"}
    for key, use in by_key.items():
        mine = [entry for entry in expected if entry.key_id == key]
        assert (use.calls, use.cost_picodollars) == (len(mine), sum(entry.cost_picodollars for entry in mine))
        assert use.first_s == mine[0].started_us // 10**6 // HOUR_S * HOUR_S
        assert use.last_s == mine[-1].started_us // 10**6 // HOUR_S * HOUR_S
        assert (use.project, use.owner) == (mine[0].project, mine[0].owner)
    assert [use.cost_picodollars for use in found.uses] == sorted(
        (u.cost_picodollars for u in found.uses), reverse=True
    )
    assert {(one.key, one.address) for one in found.addresses} == {(e.key_id, e.address) for e in expected}
    assert sum(one.calls for one in found.addresses) == len(expected)
    one = found.addresses[0]
    mine = [entry for entry in expected if (entry.key_id, entry.address) == (one.key, one.address)]
    assert (one.calls, one.first_us, one.last_us) == (len(mine), mine[0].started_us, mine[-1].started_us)
    assert found.addresses_since_s == since_s


async def test_what_grew_most_against_the_week_before_comes_first(filled: Store) -> None:
    now_s = DAY0_S + 20 * DAY_S
    grown = await Reports(filled.database).growth("key", now_s, 2)
    assert len(grown) == 2
    assert grown[0].name == "key_2"

    def cost(start_s: int) -> int:
        return sum(
            entry.cost_picodollars
            for entry in entries()
            if entry.key_id == "key_2" and start_s * 10**6 <= entry.started_us < (start_s + WEEK_S) * 10**6
        )

    assert (grown[0].picodollars, grown[0].picodollars_before) == (cost(now_s - WEEK_S), cost(now_s - 2 * WEEK_S))


@pytest.mark.parametrize(
    "on",
    ["organisation", "project:shop", "user:ann", "service-account:bot", "key:key_2", "model:openai/*", "tag:team=t1"],
)
async def test_a_budget_burns_down_by_what_its_subject_spent(filled: Store, on: str) -> None:
    budget = Budget(id="b", on=subject(on), picodollars=10**15, window="month", created_s=DAY0_S + 3 * DAY_S + 100)

    def counts(entry: Entry) -> bool:
        kind, _, name = on.partition(":")
        values = {
            "project": entry.project,
            "user": entry.owner,
            "service-account": entry.owner,
            "key": entry.key_id,
            "model": entry.served,
        }
        if kind == "tag":
            return tuple(name.split("=")) in entry.tags
        return kind == "organisation" or fnmatchcase(values[kind], name)

    burn = await Reports(filled.database).burn_down(budget, NOW_S)
    mine = [e for e in entries() if counts(e) and burn.since_s * 10**6 <= e.started_us <= NOW_S * 10**6]
    assert burn.since_s >= budget.created_s
    assert burn.spent == sum(entry.cost_picodollars for entry in mine) > 0
    assert burn.spent == sum(spent for _, spent in burn.points)
    raw = await filled.database.read(lambda connection: select_burn_down(connection, budget, NOW_S, raw=True))
    assert raw == burn


def test_a_forecast_says_when_nothing_will_be_left() -> None:
    hour = 3600
    told = forecast(cap=1000, spent=400, burnt=400, burnt_s=4 * hour, now_s=0, end_s=24 * hour)
    assert (told.per_hour, told.used_up_s, told.at_end) == (100, 6 * hour, 400 + 2400)
    assert forecast(1000, 400, 400, 4 * hour, 0, 5 * hour).used_up_s is None
    assert forecast(1000, 400, 0, 4 * hour, 0, None).used_up_s is None
    assert forecast(1000, 1000, 0, 4 * hour, 7, None).used_up_s == 7
    assert forecast(1000, 400, 400, 4 * hour, 0, None).at_end is None
    assert forecast(10, 9, 3, 2, 100, None).used_up_s == 101


async def test_calls_without_a_price_are_told_by_model(filled: Store) -> None:
    (row,) = await Reports(filled.database).unpriced(DAY0_S, NOW_S)
    mine = [entry for entry in entries() if not entry.price]
    assert row.by == ("groq", "groq/llama")
    assert (row.calls, row.unpriced, row.cost_picodollars) == (len(mine), len(mine), 0)
    assert row.input_tokens == sum(entry.usage.input_total for entry in mine)


async def test_the_ledger_is_told_as_a_provider_counts(filled: Store) -> None:
    found = await Reports(filled.database).of_provider("openai", DAY0_S, DAY0_S + 20 * DAY_S)
    query = UsageQuery(("day", "model", "credential"), DAY0_S, DAY0_S + 20 * DAY_S)
    assert found == counted([entry for entry in entries() if entry.provider == "openai"], query)


async def test_a_key_shows_its_last_use_and_from_where(filled: Store) -> None:
    old = replace(ENTRY, id="old", key_id="key_1", started_us=DAY0_S * 10**6, address="192.0.2.1")
    await filled.write_entries([old])
    rows = await filled.database.read(lambda connection: list(connection.execute(KEY_USES.select())))
    used = {row.key_id: (row.last_us, row.address) for row in rows}
    last = {entry.key_id: (entry.started_us, entry.address) for entry in entries()}
    assert used == last


async def test_a_call_that_is_priced_anew_changes_every_roll_up(filled: Store) -> None:
    before = entries()
    after = [
        replace(entry, price="groq@now", cost_picodollars=5) if entry.provider == "groq" else entry for entry in before
    ]
    changes = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    await filled.database.write(lambda connection: reprice(connection, changes))
    for by in (("day", "model"), ("hour",), ("tag",)):
        query = UsageQuery(by, DAY0_S, DAY0_S + 20 * DAY_S)
        assert await answer(filled, query) == counted(after, query)
        assert await answer(filled, replace(query, raw=True)) == counted(after, query)
    assert await filled.entry(changes[0][1].id) == changes[0][1]
