"""`prices rerate`: the past by other prices, shown, applied, taken back, and finished after the program was killed."""

import asyncio
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from keywright.catalog import snapshot
from keywright.catalog.catalogue import Catalogue
from keywright.catalog.price import Price, cost
from keywright.catalog.snapshot import Section
from keywright.core.entry import Entry
from keywright.core.money import to_usd
from keywright.core.usage import Usage
from keywright.store import Store
from keywright.store.wide import joined
from tests.cli.shell import Shell

AT_S = 1_795_600_000
LATER = "2031-05-01"
TABLES = ("entries", "usage_hours", "usage_days", "tag_days")
MANY = 12_000
POLL_S = 0.002
BEGIN_S = 20.0


def price_of(model: str, whole: snapshot.Snapshot) -> Price:
    found = Catalogue(whole).find("openai", model)
    assert found is not None
    price = found.prices[0].price
    assert price is not None
    return price


def dearer() -> snapshot.Snapshot:
    """The release's list, of a later day, in which GPT-4o's input costs twice as much."""

    def section(each: Section) -> Section:
        rows = (
            replace(row, prices=(replace(row.prices[0], input="5"),))
            if (each.id, row.id) == ("openai", "gpt-4o")
            else row
            for row in each.models
        )
        return replace(each, models=tuple(rows))

    whole = snapshot.bundled()
    return replace(whole, as_of=LATER, source="mirror", catalogues=tuple(map(section, whole.catalogues)))


def entry(number: int, model: str = "gpt-4o") -> Entry:
    usage = Usage(input=100 + number % 50, output=number % 7)
    price = price_of_cached(model)
    return Entry(
        id=f"req_{number}",
        started_us=(AT_S + number) * 10**6,
        key_id=f"k{number % 3}",
        project="default",
        dialect="openai_chat",
        endpoint="chat",
        model="fast",
        outcome="ok",
        status=200,
        served=f"openai/{model}",
        provider="openai",
        usage=usage,
        price=price.id,
        cost_picodollars=int(cost(usage, price)),
        tags=(("team", f"t{number % 2}"),),
    )


PRICES: dict[str, Price] = {}


def price_of_cached(model: str) -> Price:
    if model not in PRICES:
        PRICES[model] = price_of(model, snapshot.bundled())
    return PRICES[model]


def record(folder: Path, *entries: Entry) -> None:
    async def write() -> None:
        store = await Store.open(f"sqlite:///{folder}/keywright.db")
        for at in range(0, len(entries), 500):
            await store.write_entries(entries[at : at + 500])
        await store.close()

    asyncio.run(write())


def everything(folder: Path) -> list[list[Any]]:
    connection = sqlite3.connect(folder / "keywright.db")
    try:
        rows = [sorted(connection.execute(f"SELECT * FROM {table}")) for table in TABLES]
        return [rows[0], *([(*row[:-2], joined(*row[-2:])) for row in rolled] for rolled in rows[1:])]
    finally:
        connection.close()


@pytest.fixture
def recorded(shell: Shell) -> Shell:
    record(shell.folder, *(entry(number) for number in range(30)), entry(30, "gpt-4o-mini"))
    (shell.folder / "new.json").write_bytes(snapshot.encode(dearer()))
    assert shell.run("prices", "update", "--from", "new.json", "--yes").code == 0
    return shell


def test_the_past_is_rated_anew_and_back_again(recorded: Shell) -> None:
    before = everything(recorded.folder)
    old = sum(entry(number).cost_picodollars for number in range(30))
    new = sum(int(cost(entry(number).usage, price_of("gpt-4o", dearer()))) for number in range(30))
    looked = recorded.run(
        "prices", "rerate", "--since", "2026-11-01", "--until", "2030-01-01", "--dry-run", "--json"
    ).json
    figures = {"calls": 30, "before_usd": to_usd(old), "after_usd": to_usd(new), "difference_usd": to_usd(new - old)}
    assert looked["models"] == [{"model": "openai/gpt-4o", **figures}]
    assert looked["kept"] == {"same": 1}
    assert everything(recorded.folder) == before
    words = ("prices", "rerate", "--since", "2026-11-01", "--until", "2030-01-01")
    refused = recorded.run(*words)
    assert refused.code == 2
    assert "say --yes" in refused.error
    done = recorded.run(*words, "--yes", "--json").json
    assert done["models"] == looked["models"]
    (run,) = recorded.run("prices", "rerate", "--list", "--json").json["runs"]
    assert (run["id"], run["state"], run["span"]["as_of"]) == (done["run"], "done", LATER)
    assert recorded.run(*words, "--dry-run", "--json").json["models"] == [], "once is enough"
    assert recorded.run("prices", "rerate", "--undo", done["run"], "--yes", "--json").json["state"] == "undone"
    assert everything(recorded.folder) == before


def test_own_prices_and_older_lists_are_taken_when_they_are_named(recorded: Shell) -> None:
    words = ("prices", "rerate", "--since", "2026-11-01", "--until", "2030-01-01")
    assert "no [[prices]] to rate by" in recorded.run(*words, "--prices", "own", "--yes").error
    (recorded.folder / "keywright.toml").write_text(
        '[providers.openai]\napi_key = "env:K"\n[[prices]]\nmodel = "openai/gpt-4o"\ninput = "1"\noutput = "1"\n'
    )
    found = recorded.run(*words, "--prices", "own", "--model", "openai/gpt-4o", "--yes", "--json").json
    tokens = sum(entry(number).usage.input + entry(number).usage.output for number in range(30))
    assert found["total"]["after_usd"] == to_usd(tokens * 10**6)
    assert found["kept"] == {"another model": 1}
    older = recorded.run(*words, "--prices", snapshot.bundled().as_of, "--dry-run", "--json").json
    assert older["kept"] == {"own price": 30, "same": 1}


def test_a_run_that_was_killed_is_finished_and_gives_what_one_gives_that_was_not(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    record(whole, *(entry(number) for number in range(MANY)))
    (whole / "new.json").write_bytes(snapshot.encode(dearer()))
    assert Shell(whole).run("prices", "update", "--from", "new.json", "--yes").code == 0
    before = everything(whole)
    shutil.copytree(whole, killed)
    words = ("prices", "rerate", "--since", "2026-11-01", "--until", "2030-01-01", "--yes", "--json")
    done = Shell(whole).run(*words).json
    assert done["total"]["calls"] == MANY
    shell = Shell(killed)
    run = kill_in_the_middle(shell, *words)
    partly = everything(killed)
    assert partly not in (before, everything(whole))
    assert f"go on with --resume {run}" in shell.run(*words[:-1]).error
    kill_in_the_middle(shell, "prices", "rerate", "--resume", run)
    assert shell.run("prices", "rerate", "--resume", run, "--json").json["total"] == done["total"]
    assert everything(killed) == everything(whole)
    kill_in_the_middle(shell, "prices", "rerate", "--undo", run, "--yes")
    assert shell.run("prices", "rerate", "--undo", run, "--yes", "--json").json["state"] == "undone"
    assert everything(killed) == before


def kill_in_the_middle(shell: Shell, *words: str) -> str:
    """Kill the program when it has done a few steps more, and before it is through. Returns the run's id."""
    connection = sqlite3.connect(shell.folder / "keywright.db")
    try:
        start = changed(connection)
        with shell.start(*words) as process:
            until = time.monotonic() + BEGIN_S
            while changed(connection) < start + 2 and time.monotonic() < until:
                time.sleep(POLL_S)
            process.kill()
            process.wait()
        run, state = connection.execute("SELECT id, state FROM reratings ORDER BY number DESC").fetchone()
        assert state in ("open", "undoing"), "it was too quick to be killed in the middle"
        return str(run)
    finally:
        connection.close()


def changed(connection: sqlite3.Connection) -> int:
    """How many steps of runs were seen: the data version grows with each commit of another process."""
    row = connection.execute("PRAGMA data_version").fetchone()
    return int(row[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say one of --since DAY"),
        (("--since", "1d", "--list"), "say one of --since DAY"),
        (("--since", "soon"), "'soon' is no day"),
        (("--since", "1d", "--until", "x"), "'x' is no day"),
        (("--since", "1d", "--prices", "mine", "--yes"), "or own"),
        (("--since", "1d", "--prices", "2001-01-01", "--yes"), "no price list of 2001-01-01"),
        (("--resume", "rr_0"), "there is no run rr_0"),
        (("--undo", "rr_0", "--yes"), "there is no run rr_0"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(shell: Shell, words: tuple[str, ...], said: str) -> None:
    record(shell.folder)
    assert said in shell.run("prices", "rerate", *words).error
