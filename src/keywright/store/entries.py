"""The ledger's entries: rows of `entries`, and what each adds to its hour's roll-up.

An entry is written once however often it is brought. A batch is nearly always new, so it is first inserted as it
is; when the database finds an id twice, that is undone, and all are offered again to be passed over where they exist:
the database then says which were new, and only those are rolled up. That holds too where others write at the same
moment. Roll-ups are added to in the order of their keys, so that two writers never wait for each other.

A NUL in a text, which a client may have written into the name of a model, is replaced: PostgreSQL keeps none.

This is most of what a call costs beside its answer. So rows are tuples from the start, the document is encoded by one
struct that has just its fields, and a statement inserts many rows: the driver lets go of Python's global lock for each
step of a statement, and under load every time it does, the kernel switches threads twice. Rows are made for one
statement at a time, so that the event loop's thread never waits longer for that lock than it takes to make so few.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Dialect, Row, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert  # which SQLite's compiler takes, too
from sqlalchemy.exc import IntegrityError

from keywright.core.entry import Entry
from keywright.store.schema import ENTRIES, USAGE_HOURS
from keywright.store.wide import bounded, halves

HOUR_S: Final = 3600
US_PER_S: Final = 10**6
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
ROWS_PER_STATEMENT: Final = 50
"""14 parameters each, and fewer than 999 in all, which is the least that any SQLite takes."""

COLUMNS: Final = tuple(name for name in Entry.__struct_fields__ if name in ENTRIES.c)
"""The fields of an entry that are columns; all others are in the document."""

_Document: Final = msgspec.defstruct(
    "_Document",
    [(field.name, field.type, field.default) for field in msgspec.structs.fields(Entry) if field.name not in COLUMNS],
    omit_defaults=True,
)
"""The fields of an entry that are not columns."""

_HOUR_KEY: Final = tuple(column.name for column in USAGE_HOURS.primary_key)
_HOUR_SUMS: Final = tuple(column.name for column in USAGE_HOURS.c if column.name not in _HOUR_KEY)

_ENCODER: Final = msgspec.json.Encoder()
_Values: TypeAlias = tuple[Any, ...]
_SELECT: Final = select(*(ENTRIES.c[name] for name in COLUMNS), ENTRIES.c.document)


def insert_new(connection: Connection, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Keep those of `entries` that are not kept yet, and roll them up. Returns those.

    The rows of the roll-ups stay locked until the transaction ends.
    """
    entries = [_sound(entry) for entry in entries]
    try:
        with connection.begin_nested():
            _insert(connection, entries)
        return tuple(entries)
    except IntegrityError:
        new = _offer(connection, entries)
        _roll_up(connection, new)
        return new


def _insert(connection: Connection, entries: Sequence[Entry]) -> None:
    """Keep `entries`, none of which is kept yet, and roll them up.

    Raises:
        IntegrityError: one is.
    """
    if not entries:
        return
    for at in range(0, len(entries), ROWS_PER_STATEMENT):
        _write(connection, _insert_sql, [_row(entry) for entry in entries[at : at + ROWS_PER_STATEMENT]])
    _roll_up(connection, entries)


@cache
def _insert_sql(rows: int, dialect: Dialect) -> str:
    """The statement that inserts so many rows."""
    return str(insert(ENTRIES).values([dict.fromkeys(ENTRIES.c.keys())] * rows).compile(dialect=dialect))


def _offer(connection: Connection, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Keep those of `entries` that are not kept yet. Returns those, the first of each id."""
    offered = list({entry.id: entry for entry in reversed(entries)}.values())[::-1]
    new: set[str] = set()
    for at in range(0, len(offered), ROWS_PER_STATEMENT):
        rows = [_row(entry) for entry in offered[at : at + ROWS_PER_STATEMENT]]
        result = connection.exec_driver_sql(_offer_sql(len(rows), connection.dialect), tuple(chain(*rows)))
        new.update(result.scalars())
    return tuple(entry for entry in offered if entry.id in new)


@cache
def _offer_sql(rows: int, dialect: Dialect) -> str:
    """The statement that inserts those of so many rows that are not there yet, and says which those are."""
    statement = upsert(ENTRIES).values([dict.fromkeys(ENTRIES.c.keys())] * rows)
    return str(statement.on_conflict_do_nothing().returning(ENTRIES.c.id).compile(dialect=dialect))


def select_entry(connection: Connection, entry_id: str) -> Entry | None:
    """The entry with that id, as it was written."""
    row = (connection.execute(_SELECT.where(ENTRIES.c.id == entry_id))).first()
    return None if row is None else _entry(row)


def _roll_up(connection: Connection, entries: Sequence[Entry]) -> None:
    hours: dict[_Values, list[int]] = {}
    for entry in entries:
        hour_s = entry.started_us // US_PER_S // HOUR_S * HOUR_S
        group = (hour_s, entry.project, entry.key_id, entry.provider, entry.served)
        sums = hours.get(group)
        if sums is None:
            sums = hours[group] = [0, 0, 0, 0, 0]
        usage = entry.usage
        sums[0] += 1
        sums[1] += entry.outcome == "ok"
        sums[2] += bounded(usage.input_total)
        sums[3] += bounded(usage.output_total)
        sums[4] += bounded(entry.cost_picodollars)
    rows: list[_Values] = [
        (*group, calls, ok, *halves(prompt), *halves(completion), *halves(cost))
        for group, (calls, ok, prompt, completion, cost) in sorted(hours.items())
    ]
    for at in range(0, len(rows), ROWS_PER_STATEMENT):
        _write(connection, _roll_up_sql, rows[at : at + ROWS_PER_STATEMENT])


def _write(connection: Connection, sql: Callable[[int, Dialect], str], rows: list[_Values]) -> None:
    """Write up to `ROWS_PER_STATEMENT` rows, by the statement that `sql` gives for so many."""
    if len(rows) == ROWS_PER_STATEMENT:
        connection.exec_driver_sql(sql(ROWS_PER_STATEMENT, connection.dialect), tuple(chain(*rows)))
    else:
        connection.exec_driver_sql(sql(1, connection.dialect), rows)


@cache
def _roll_up_sql(rows: int, dialect: Dialect) -> str:
    """The statement that adds so many rows, of different hours or groups, to the roll-ups."""
    statement = upsert(USAGE_HOURS).values([dict.fromkeys(USAGE_HOURS.c.keys())] * rows)
    adding = statement.on_conflict_do_update(
        index_elements=_HOUR_KEY,
        set_={name: USAGE_HOURS.c[name] + statement.excluded[name] for name in _HOUR_SUMS},
    )
    return str(adding.compile(dialect=dialect))


def _sound(entry: Entry) -> Entry:
    """`entry` with texts that every database keeps. (In the document, JSON writes a NUL as six letters.)"""
    if "\0" in entry.model or "\0" in entry.served:
        model, served = (text.replace("\0", REPLACEMENT) for text in (entry.model, entry.served))
        return replace(entry, model=model, served=served)
    return entry


def _row(entry: Entry) -> _Values:
    """The values of the columns, in the order of the table."""
    usage = entry.usage
    document = msgspec.convert(entry, _Document, from_attributes=True)
    return (
        entry.id,
        entry.started_us,
        entry.project,
        entry.key_id,
        entry.provider,
        entry.served,
        entry.model,
        entry.credential,
        entry.outcome,
        entry.status,
        bounded(usage.input_total),
        bounded(usage.output_total),
        bounded(entry.cost_picodollars),
        _ENCODER.encode(document).decode(),
    )


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    rest = msgspec.json.decode(row.document)
    return msgspec.convert({**{name: getattr(row, name) for name in COLUMNS}, **rest}, Entry)
