"""The ledger's questions over ten million entries, from roll-ups and from the entries alone: `python -m bench.ledger`.

Both stores are filled by `ledger_databases.py` with what `ledger_entries.py` makes up, asked as the gateway asks them,
and deleted afterwards. Each figure is the least of several askings, as anything more is the machine's doing: how long
it took, and how much time on a core, of the server's processes, too. Where other work runs, only the latter counts.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import Connection

from bench.cpu import cpu_s
from bench.ledger_databases import fill_postgres, fill_sqlite
from bench.ledger_entries import END_S, START_S, World
from bench.machine import this_machine
from keywright.core.budget import Budget, Subject
from keywright.store import Store
from keywright.store.burn import select_burn_down
from keywright.store.calls import Before, CallQuery, Calls
from keywright.store.credential_uses import select_addresses, select_uses
from keywright.store.growth import select_growth
from keywright.store.maintenance import roll_up_days
from keywright.store.partitions import make_partitions
from keywright.store.rollups import DAY_S, HOUR_S
from keywright.store.usage import Dimension, Filters, UsageQuery, select_usage
from tests.postgres import PostgresServer, server_programs

ENTRIES: Final = 10_000_000
ROUNDS: Final = 3
NOW_S: Final = END_S - 5 * HOUR_S - 1234
"""Within the last day, so that no question is about whole days only."""
GOALS_S: Final = {"roll-ups": 1.0, "entries": 10.0}
DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
BEGIN: Final = "<!-- ledger: begin -->\n"
END: Final = "<!-- ledger: end -->"

Source = Literal["roll-ups", "entries"]
Ask = Callable[[Connection], object]


class Answered(Struct, frozen=True):
    """How long one question took, in seconds, and how many rows answered it."""

    question: str
    store: str
    source: Source
    took_s: float
    cpu_s: float
    rows: int


def usage(by: tuple[Dimension, ...], days: int, *, raw: bool, filters: Filters | None = None) -> Ask:
    """Usage in the last `days` days."""
    query = UsageQuery(by, NOW_S - days * DAY_S, NOW_S, filters or Filters(), raw=raw)
    return lambda connection: select_usage(connection, query)


def questions(world: World, *, raw: bool) -> Iterator[tuple[str, Ask]]:
    """All that the ledger must answer fast."""
    key = world.keys[0]
    credential = str(world.kinds[0].texts[5])
    everything: tuple[Dimension, ...] = ("day", "project", "model", "key", "tag")
    yield "cost and tokens by day and model, 90 days", usage(("day", "model"), 90, raw=raw)
    yield "by day, project, model and key, 90 days", usage(everything[:-1], 90, raw=raw)
    yield "by day, project, model, key and tag, 7 days", usage(everything, 7, raw=raw)
    for days in (30, 90):
        yield f"the same, {days} days", usage(everything, days, raw=raw)
    yield "by tag, 90 days", usage(("tag",), 90, raw=raw)
    yield "by hour, one key, 30 days", usage(("hour",), 30, raw=raw, filters=Filters(key=(key,)))
    if raw:
        yield (
            "from which addresses a credential was used, 90 days",
            lambda connection: select_addresses(connection, credential, NOW_S - 90 * DAY_S, NOW_S)[1],
        )
    else:
        yield (
            "who used a credential, 90 days",
            lambda connection: select_uses(connection, credential, NOW_S - 90 * DAY_S, NOW_S),
        )
    for by in ("model", "key"):
        yield f"what grew most against the week before, by {by}", growth(by, raw=raw)
    for on, name in ((Subject("organisation"), "the whole"), (Subject("project", "project-03"), "a project")):
        yield f"burn-down and forecast of {name}'s month", burn_down(on, raw=raw)
    yield "calls without a price, by model, 90 days", usage(("model",), 90, raw=raw, filters=Filters(unpriced=True))
    provider = Filters(provider=("openai",))
    yield (
        "one provider by day, model and credential",
        usage(("day", "model", "credential"), 90, raw=raw, filters=provider),
    )


def growth(by: Dimension, *, raw: bool) -> Ask:
    """What grew most."""
    return lambda connection: select_growth(connection, by, NOW_S, 20, raw=raw)


def burn_down(on: Subject, *, raw: bool) -> Ask:
    """How a month's budget burns down."""
    budget = Budget("b", on, 10**18, "month", START_S)
    return lambda connection: select_burn_down(connection, budget, NOW_S, raw=raw)


async def timed(question: str, store: str, source: Source, ask: Callable[[], Awaitable[object]]) -> Answered:
    """Ask, and ask again."""
    answer: object = None
    took: list[float] = []
    used: list[float] = []
    for _ in range(ROUNDS):
        began, used_before = time.perf_counter(), cpu_s(os.getpid())
        answer = await ask()
        took.append(time.perf_counter() - began)
        used.append(cpu_s(os.getpid()) - used_before)
    rows = len(answer) if isinstance(answer, tuple) else 1
    print(f"{store}: {question}: {min(took):.2f} s, CPU {min(used):.2f} s, {source}", file=sys.stderr)
    return Answered(question, store, source, min(took), min(used), rows)


async def asked(url: str, name: str, world: World) -> list[Answered]:
    """Every question, to one store."""
    store = await Store.open(url)
    found = []
    sources: tuple[tuple[Source, bool], ...] = (("roll-ups", False), ("entries", True))
    for source, raw in sources:
        for question, ask in questions(world, raw=raw):
            found.append(await timed(question, name, source, partial(store.database.read, ask)))
    calls = Calls(store.database)
    rarest = min(world.keys, key=lambda key: sum(key in kind.texts for kind in world.kinds))
    for what, key in (("a key's", world.keys[0]), ("a seldom used key's", rarest)):
        page = partial(calls.page, CallQuery(START_S, END_S, key=key), None, 100)
        found.append(await timed(f"{what} newest 100 calls", name, "entries", page))
    before = Before((START_S + 10 * DAY_S) * 10**6, "")
    failed = CallQuery(START_S, END_S, outcome="failed")
    found.append(await timed("100 failed calls far back", name, "entries", partial(calls.page, failed, before, 100)))
    await store.close()
    return found


def progress(name: str, entries: int) -> Callable[[int], None]:
    """Says how far the filling is."""
    began = time.perf_counter()

    def told(done: int) -> None:
        print(f"\r{name}: {done / entries:4.0%} after {time.perf_counter() - began:.0f} s", end="", file=sys.stderr)
        if done == entries:
            print(file=sys.stderr)

    return told


async def prepare(url: str) -> None:
    """The tables, and the months for what will be filled in."""
    store = await Store.open(url)
    await store.database.write(lambda connection: make_partitions(connection, START_S, END_S))
    await store.close()


async def close_days(url: str) -> None:
    """Roll up the days that are over."""
    store = await Store.open(url)
    await roll_up_days(store.database, NOW_S)
    await store.close()


def in_sqlite(folder: Path, world: World, entries: int) -> list[Answered]:
    """The questions, to SQLite."""
    file = folder / "ledger.db"
    url = f"sqlite:///{file}"
    asyncio.run(prepare(url))
    fill_sqlite(file, world, entries, progress("sqlite", entries))
    asyncio.run(close_days(url))
    print(f"sqlite: {file.stat().st_size / 1e9:.1f} GB", file=sys.stderr)
    return asyncio.run(asked(url, "SQLite", world))


def in_postgres(folder: Path, world: World, entries: int) -> list[Answered]:
    """The questions, to a PostgreSQL of its own."""
    folder.chmod(0o755)
    server = PostgresServer(folder, server_programs(folder))
    server.create()
    try:
        with server.database() as url:
            asyncio.run(prepare(url))
            name = url.rpartition("?")[0].rpartition("/")[2]
            with server.connect(name) as database:
                fill_postgres(database, world, entries, progress("postgresql", entries))
            asyncio.run(close_days(url))
            return asyncio.run(asked(url, "PostgreSQL", world))
    finally:
        server.stop()


def table(found: Sequence[Answered]) -> str:
    """A line per question, a column per store and source, as Markdown."""
    columns = list(dict.fromkeys((one.store, one.source) for one in found))
    cells = {(one.question, one.store, one.source): cell(one) for one in found}
    lines = [
        "| question | " + " | ".join(f"{store}, {source}" for store, source in columns) + " |",
        "|---" + "|---:" * len(columns) + "|",
    ]
    lines += [
        f"| {question} | {' | '.join(cells.get((question, *column), '') for column in columns)} |"
        for question in dict.fromkeys(one.question for one in found)
    ]
    return "\n".join(lines) + "\n"


def cell(one: Answered) -> str:
    """Seconds on a core, [until the answer was there], (its rows); bold where the goal is missed."""
    text = f"{one.cpu_s:.3f}" if one.cpu_s < 0.1 else f"{one.cpu_s:.2f}"
    return f"{text if one.cpu_s < GOALS_S[one.source] else f'**{text}**'} [{one.took_s:.2f}] ({one.rows:,})"


@contextmanager
def folder_in(parent: Path | None) -> Iterator[Path]:
    """A folder that is deleted."""
    with tempfile.TemporaryDirectory(prefix="kw-ledger-", dir=parent) as name:
        yield Path(name)


def main() -> int:
    """Fill, ask, print, and with `--save` write it down."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, metavar="N")
    parser.add_argument("--stores", nargs="*", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql"))
    parser.add_argument(
        "--folder", type=Path, help="where the databases are put (20 GB; the system's temporary folder)"
    )
    parser.add_argument("--save", action="store_true", help="rewrite the table in docs/performance.md, and its figures")
    options = parser.parse_args()
    found: list[Answered] = []
    for name, ask in (("sqlite", in_sqlite), ("postgresql", in_postgres)):
        if name in options.stores:
            with folder_in(options.folder) as folder:
                found += ask(folder, World(), options.entries)
    machine = this_machine()
    head = (
        f"{machine.date}, commit {machine.commit}: {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gb:.0f} GB, Python {machine.python}; {options.entries:,} entries\n\n"
    )
    print(head + table(found))
    if options.save:
        save(head, found)
    return 0


def save(head: str, found: Sequence[Answered]) -> None:
    """Write the table into performance.md, and the figures into performance.json beside the others."""
    page, data = DOCS / "performance.md", DOCS / "performance.json"
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{begin}{head}{table(found)}{END}{rest.partition(END)[2]}", encoding="utf-8")
    figures = json.loads(data.read_text(encoding="utf-8"))
    figures["ledger"] = [{field: getattr(one, field) for field in one.__struct_fields__} for one in found]
    data.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
