"""A database of revision 0001 keeps its entries, and they are rolled up as if they had come today."""

import json
from collections.abc import Mapping, Sequence

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from keywright.store import Store
from keywright.store.address import parsed
from keywright.store.engine import engine_for
from keywright.store.intent import intending
from keywright.store.migration import FOLDER
from keywright.store.usage import UsageQuery, select_usage
from tests.store.samples import START_S, START_US

DAY_S = 86_400
COLUMNS = (
    *("id", "started_us", "project", "key_id", "provider", "served", "model", "credential", "outcome", "status"),
    *("input_tokens", "output_tokens", "cost_picodollars", "document"),
)


def old_row(number: int) -> dict[str, str | int]:
    document = {
        "dialect": "openai_chat",
        "endpoint": "chat",
        "usage": {"input": 100, "cache_read": 20, "cache_write_1h": 3, "output": 7, "reasoning": 2},
        "tags": [["team", "x"]] if number % 2 else [],
        "price": "" if number % 3 else "p",
    }
    served = "openai/gpt" if number % 5 else ""
    started_us = START_US + number * 1800 * 10**6
    names = ("p", f"key_{number % 4}", "openai", served, "fast", "cred")
    outcome = "ok" if served else "refused"
    row = (f"req_{number}", started_us, *names, outcome, 200, 123, 9, 10**12 + number, json.dumps(document))
    return dict(zip(COLUMNS, row, strict=True))


def make_old(url: str, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """A database of revision 0001 with `rows` in its `table`."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    engine = engine_for(parsed(url), None)
    with intending(engine, "write").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        names = list(rows[0])
        values = ", ".join(f":{name}" for name in names)
        connection.execute(text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})"), list(rows))
    engine.dispose()


async def test_entries_of_the_first_revision_are_rolled_up(new_database_url: str) -> None:
    make_old(new_database_url, "entries", [old_row(number) for number in range(200)])
    store = await Store.open(new_database_url)
    query = UsageQuery(("project", "key", "model", "requested", "outcome"), START_S - DAY_S, START_S + 9 * DAY_S)
    rolled = await store.database.read(lambda connection: select_usage(connection, query))
    raw_query = UsageQuery(query.by, query.since_s, query.until_s, raw=True)
    assert rolled == await store.database.read(lambda connection: select_usage(connection, raw_query))
    assert sum(row.calls for row in rolled) == 200
    assert sum(row.cost_picodollars for row in rolled) == 200 * 10**12 + sum(range(200))
    assert sum(row.cache_read_tokens for row in rolled) == 200 * 20
    assert sum(row.unpriced for row in rolled) == sum(1 for at in range(200) if at % 3 and at % 5)
    assert {row.by[3] for row in rolled if row.by[4] == "refused"} == {""}
    tags = UsageQuery(("tag",), query.since_s, query.until_s)
    (tagged,) = await store.database.read(lambda connection: select_usage(connection, tags))
    assert (tagged.by, tagged.calls) == (("team=x",), 100)
    entry = await store.entry("req_7")
    assert entry is not None
    assert (entry.usage.reasoning, entry.tags, entry.address) == (2, (("team", "x"),), "")
    await store.close()
