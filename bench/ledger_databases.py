"""The two databases in which the ledger's questions are timed: filled past Keywright, by what each takes fastest."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from bench.ledger_entries import Row, World
from keywright.store.rollups import DAY_S, HOUR_S
from keywright.store.schema import ENTRIES, SUMS, TAG_SETS, USAGE_GROUPS
from keywright.store.wide import HALF_BITS, LOW_MASK

ROWS_AT_A_TIME: Final = 20_000
INDEX: Final = next(iter(ENTRIES.indexes))

Progress = Callable[[int], None]
"""Told how many entries there are by now."""


def roll_up_sql(table: str, period_s: int, *, tags: bool) -> str:
    """The statement that fills a roll-up from the entries."""
    start = f"started_us / {period_s * 10**6} * {period_s}"
    keys = f"group_id{', tags_id' if tags else ''}"
    tokens = ", ".join(f"sum({name})" for name in SUMS if name.endswith("_tokens"))
    cost = f"sum(cost_picodollars >> {HALF_BITS}), sum(cost_picodollars & {LOW_MASK})"
    where = "WHERE tags_id != 0" if tags else ""
    return (
        f"INSERT INTO {table} ({'day_s' if tags else 'hour_s'}, {keys}, {', '.join(SUMS)})"
        f" SELECT {start}, {keys}, count(*), {tokens}, {cost} FROM entries {where} GROUP BY {start}, {keys}"
    )


ROLL_UPS: Final = (roll_up_sql("usage_hours", HOUR_S, tags=False), roll_up_sql("tag_days", DAY_S, tags=True))


def fill_sqlite(file: Path, world: World, entries: int, progress: Progress) -> None:
    """Fill the migrated database in `file`."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            database.execute(f"PRAGMA {pragma}")
        database.execute(f"DROP INDEX {INDEX.name}")
        database.execute("BEGIN")
        groups = [(group_id, *group) for group_id, group in world.groups().items()]
        database.executemany(f"INSERT INTO usage_groups VALUES ({_marks(len(USAGE_GROUPS.c))})", groups)
        database.executemany(f"INSERT INTO tag_sets VALUES ({_marks(len(TAG_SETS.c))})", sorted(world.tag_sets()))
        names = ", ".join(ENTRIES.c.keys())
        insert = f"INSERT INTO entries ({names}) VALUES ({_marks(len(ENTRIES.c))})"
        for done, rows in _parts(world.rows(entries)):
            database.executemany(insert, rows)
            progress(done)
        database.execute(str(CreateIndex(INDEX).compile(dialect=sqlite.dialect())))
        for statement in ROLL_UPS:
            database.execute(statement)
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode=WAL")


def fill_postgres(database: "psycopg.Connection", world: World, entries: int, progress: Progress) -> None:
    """Fill the migrated database, whose months are there, and vacuum it, as its own daemon would in time."""
    with database.transaction():
        database.execute(f"DROP INDEX {INDEX.name}")
        groups = [(group_id, *group) for group_id, group in world.groups().items()]
        with database.cursor() as cursor:
            cursor.executemany(f"INSERT INTO usage_groups VALUES ({_marks(len(USAGE_GROUPS.c), '%s')})", groups)
            cursor.executemany("INSERT INTO tag_sets VALUES (%s, %s)", sorted(world.tag_sets()))
            with cursor.copy(f"COPY entries ({', '.join(ENTRIES.c.keys())}) FROM STDIN") as copy:
                for done, rows in _parts(world.rows(entries)):
                    copy.write("".join("\t".join(map(str, row)) + "\n" for row in rows))
                    progress(done)
        database.execute(str(CreateIndex(INDEX).compile(dialect=postgresql.dialect())))  # type: ignore[no-untyped-call]
        for statement in ROLL_UPS:
            database.execute(statement)
    database.execute("VACUUM ANALYZE")


def _parts(rows: Iterator[Row]) -> Iterator[tuple[int, list[Row]]]:
    """Some rows at a time, and how many there were with these."""
    done = 0
    while some := list(islice(rows, ROWS_AT_A_TIME)):
        done += len(some)
        yield done, some


def _marks(count: int, mark: str = "?") -> str:
    return ", ".join([mark] * count)
