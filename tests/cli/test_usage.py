"""`usage`: what the ledger holds, by whatever it is asked by."""

import asyncio
import time
from pathlib import Path

import pytest

from keywright.core.entry import Entry, Outcome
from keywright.core.usage import Usage
from keywright.store import Store
from tests.cli.hand import Hand

DAY_S = 86_400


def entry(number: int, model: str, key: str, *, ago_s: int = 60, outcome: Outcome = "ok", cost: int = 0) -> Entry:
    return Entry(
        id=f"req_{number}",
        started_us=(int(time.time()) - ago_s) * 1_000_000,
        key_id=key,
        project="default",
        dialect="openai_chat",
        endpoint="chat",
        model=model,
        outcome=outcome,
        status=200,
        served=model,
        provider="openai",
        usage=Usage(input=10, output=5),
        cost_picodollars=cost,
    )


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    return Hand(tmp_path)


@pytest.fixture
def used(hand: Hand) -> Hand:
    """A store with four calls, one of them long ago and one of them failed."""

    async def fill() -> None:
        store = await Store.open(f"sqlite:///{hand.folder}/keywright.db")
        entries = [
            entry(1, "openai/gpt-4o", "one", cost=1_200_000_000),
            entry(2, "openai/gpt-4o", "one", cost=300_000_000),
            entry(3, "openai/gpt-4o-mini", "two", outcome="failed"),
            entry(4, "openai/gpt-4o", "one", ago_s=30 * DAY_S, cost=1),
        ]
        await store.write_entries(entries)
        await store.close()

    asyncio.run(fill())
    return hand


def test_usage_is_grouped_as_asked_with_exact_money(used: Hand) -> None:
    done = used.run("usage", "--by", "key,model", "--since", "7d", "--json")
    common = {"input_tokens": 20, "output_tokens": 10}
    assert done.json == {
        "rows": [
            {"key": "one", "model": "openai/gpt-4o", "calls": 2, "ok": 2, **common, "cost_usd": "0.0015"},
            {
                "key": "two",
                "model": "openai/gpt-4o-mini",
                "calls": 1,
                "ok": 0,
                "input_tokens": 10,
                "output_tokens": 5,
                "cost_usd": "0.00",
            },
        ]
    }


def test_usage_reaches_back_as_far_as_asked(used: Hand) -> None:
    (row,) = used.run("usage", "--by", "provider", "--since", "8w", "--json").json["rows"]
    assert row["calls"] == 4
    assert row["cost_usd"] == "0.001500000001"


def test_a_person_is_shown_a_table_with_a_total(used: Hand) -> None:
    done = used.run("usage", "--by", "model")
    assert "openai/gpt-4o-mini" in done.out
    assert done.out.split("total")[1].split() == ["3", "2", "30", "15", "0.0015"]


def test_what_a_client_named_is_no_row_of_its_own(hand: Hand) -> None:
    async def fill() -> None:
        store = await Store.open(f"sqlite:///{hand.folder}/keywright.db")
        await store.write_entries([entry(1, "a\nforged   9\tb", "one"), entry(2, "", "one")])
        await store.close()

    asyncio.run(fill())
    rows = [line.split() for line in hand.run("usage", "--by", "requested").out.splitlines()]
    assert ["a", "forged", "9", "b", "1", "1", "10", "5", "0.00"] in rows
    assert ["-", "1", "1", "10", "5", "0.00"] in rows


def test_no_usage_is_said_so(used: Hand) -> None:
    assert used.run("usage", "--since", "1s").out.startswith("nothing was called since 20")
    assert used.run("usage", "--since", "1s", "--json").json == {"rows": []}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--by", "key,color"), "'color' is not one of day, hour, "),
        (("--by", "key,key"), "'key' is there twice"),
        (("--since", "yesterday"), "'yesterday' is not a duration"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(used: Hand, words: tuple[str, ...], expected: str) -> None:
    done = used.run("usage", *words)
    assert done.code == 2
    assert expected in done.error
