"""What one provider served on a day, by model and credential, is exact whatever the amounts."""

from msgspec.structs import replace

from keywright.core.usage import Usage
from keywright.store import Store
from keywright.store.served import Lost, Served, select_lost, select_served
from tests.store.samples import ENTRY, START_S

HUGE = 2**63 - 1
DAY_S = 86_400


async def test_the_calls_of_one_provider_are_added_up_by_model_and_credential(store: Store) -> None:
    base = replace(ENTRY, usage=Usage(input=10, output=3), cost_picodollars=HUGE)
    others = [
        replace(base, id="b", cost_picodollars=HUGE, usage_source="counted"),
        replace(base, id="c", credential="other", cost_picodollars=1),
        replace(base, id="d", provider="anthropic"),
        replace(base, id="e", started_us=(START_S + DAY_S) * 10**6),
        replace(base, id="f", usage=Usage(), cost_picodollars=0, outcome="failed"),
        replace(base, id="g", provider="", served="", outcome="lost", cost_picodollars=HUGE),
        replace(base, id="h", provider="", served="", outcome="lost", cost_picodollars=HUGE),
    ]
    await store.write_entries([base, *others])
    until_s = START_S + DAY_S
    found = await store.database.read(lambda connection: select_served(connection, "openai", START_S, until_s))
    model = "openai/gpt-5-mini"
    assert found == (
        Served(model, "0123456789ab", 2, 1, 20, 6, 2 * HUGE),
        Served(model, "other", 1, 0, 10, 3, 1),
    )
    assert await store.database.read(lambda connection: select_served(connection, "nobody", 0, until_s)) == ()
    assert await store.database.read(lambda connection: select_lost(connection, START_S, until_s)) == Lost(2, 2 * HUGE)
    assert await store.database.read(lambda connection: select_lost(connection, 0, START_S)) == Lost(0, 0)
