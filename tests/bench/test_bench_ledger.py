"""The made-up ledger is one that Keywright could have written: its roll-ups say what its entries say."""

import asyncio
from pathlib import Path

import msgspec

from bench.ledger import Answered, close_days, prepare, questions, table
from bench.ledger_databases import fill_sqlite
from bench.ledger_entries import END_S, START_S, World
from keywright.store import Store

ENTRIES = 3000


def test_every_question_has_the_same_answer_from_roll_ups_and_from_entries(tmp_path: Path) -> None:
    url, world, told = f"sqlite:///{tmp_path}/ledger.db", World(), list[int]()
    asyncio.run(prepare(url))
    fill_sqlite(tmp_path / "ledger.db", world, ENTRIES, told.append)
    asyncio.run(close_days(url))

    async def run() -> None:
        store = await Store.open(url)
        asked = zip(questions(world, raw=False), questions(world, raw=True), strict=True)
        for (question, rolled_up), (_, raw) in asked:
            if "credential was" not in question and "used a credential" not in question:
                assert await store.database.read(rolled_up) == await store.database.read(raw), question
        await store.close()

    asyncio.run(run())
    assert told == [ENTRIES]


def test_the_same_world_makes_the_same_entries_in_the_order_of_time() -> None:
    rows = list(World().rows(2000))
    assert rows == list(World().rows(2000))
    times = [int(row[1]) for row in rows]
    assert times == sorted(times)
    assert START_S * 10**6 <= times[0] <= times[-1] < END_S * 10**6
    assert all(msgspec.json.decode(str(row[-1]))["dialect"] == "openai_chat" for row in rows)


def test_a_goal_that_is_missed_is_bold() -> None:
    found = [
        Answered("q", "SQLite", "roll-ups", 2.0, 1.5, 7),
        Answered("q", "SQLite", "entries", 2.0, 1.5, 7),
    ]
    assert table(found).splitlines()[2] == "| q | **1.50** [2.00] (7) | 1.50 [2.00] (7) |"
