"""The ledger's entries: rows of `entries`, written together with what they add to the roll-ups.

An entry is written once however often it is brought. A batch is nearly always new, so it is first inserted as it
is; when the database finds an id twice, that is undone, and all are offered again to be passed over where they exist:
the database then says which were new, and only those are rolled up. That holds too where others write at the same
moment.

A NUL in a text, which a client may have written into the name of a model, is replaced: PostgreSQL keeps none.

This is most of what a call costs beside its answer. So rows are tuples from the start, the document is encoded by one
struct that has just its fields, and a statement inserts many rows (`rows.py`). Rows are made while they are written, so
that the event loop's thread never waits longer for Python's global lock than it takes to make a few.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.exc import DataError, IntegrityError

from keywright.core.entry import Entry
from keywright.store.key_uses import note_uses
from keywright.store.rollups import Batch, Line, closed_until_s
from keywright.store.rows import insert_rows, offer_rows
from keywright.store.schema import ENTRIES

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

COLUMNS: Final = tuple(name for name in Entry.__struct_fields__ if name in ENTRIES.c)
"""The fields of an entry that are columns; all others are in the document."""

_Document: Final = msgspec.defstruct(
    "_Document",
    [(field.name, field.type, field.default) for field in msgspec.structs.fields(Entry) if field.name not in COLUMNS],
    omit_defaults=True,
)
"""The fields of an entry that are not columns."""

_id: Final = attrgetter("id")
_encode: Final = msgspec.json.Encoder().encode
_SELECT: Final = select(*(ENTRIES.c[name] for name in COLUMNS), ENTRIES.c.document)


def insert_new(connection: Connection, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Keep those of `entries` that are not kept yet, and roll them up. Returns those.

    The rows of the roll-ups stay locked until the transaction ends.
    """
    if not entries:
        return ()
    closed_s = closed_until_s(connection)
    new = tuple(_sound(entry) for entry in sorted(entries, key=_id))  # two that bring the same wait for no other
    batch = _batch(new)
    try:
        with connection.begin_nested():
            insert_rows(connection, ENTRIES, map(_row, batch.lines))
    except (IntegrityError, DataError):
        new = _offer(connection, batch)
        batch = _batch(new)
    batch.roll_up(connection, closed_s)
    note_uses(connection, new)
    return new


def _batch(entries: Sequence[Entry]) -> Batch:
    batch = Batch()
    for entry in entries:
        batch.add(entry)
    return batch


def _offer(connection: Connection, batch: Batch) -> tuple[Entry, ...]:
    """Keep those of the batch's entries that are not kept yet. Returns those, the first of each id."""
    offered = list({line.entry.id: line for line in reversed(batch.lines)}.values())[::-1]
    new = offer_rows(connection, ENTRIES, [_row(line) for line in offered], "id")
    return tuple(line.entry for line in offered if line.entry.id in new)


def reprice(connection: Connection, changes: Sequence[tuple[Entry, Entry]]) -> None:
    """Keep the second of each pair in place of the first, which is kept: the same call with another price and cost.

    The roll-ups change with them. Nobody else may change these entries meanwhile.
    """
    if not changes:
        return
    closed_s = closed_until_s(connection)
    batch = _batch([new for _, new in changes])
    rows = [
        {
            "entry_id": line.entry.id,
            "entry_us": line.entry.started_us,
            "group_id": line.group_id,
            "cost_picodollars": line.figures[-1],
            "document": _document(line.entry),
        }
        for line in batch.lines
    ]
    connection.execute(_REPRICE, rows)
    for old, _ in changes:
        batch.add(old, -1)
    batch.roll_up(connection, closed_s)


_REPRICE: Final = (
    update(ENTRIES)
    .where(ENTRIES.c.id == bindparam("entry_id"), ENTRIES.c.started_us == bindparam("entry_us"))
    .values({name: bindparam(name) for name in ("group_id", "cost_picodollars", "document")})
)


def select_entry(connection: Connection, entry_id: str) -> Entry | None:
    """The entry with that id, as it was written."""
    row = (connection.execute(_SELECT.where(ENTRIES.c.id == entry_id))).first()
    return None if row is None else entry_of(row)


def _sound(entry: Entry) -> Entry:
    """`entry` with texts that every database keeps. (In the document, JSON writes a NUL as six letters.)"""
    if "\0" in entry.model or "\0" in entry.served:
        model, served = (text.replace("\0", REPLACEMENT) for text in (entry.model, entry.served))
        return replace(entry, model=model, served=served)
    return entry


def _row(line: Line) -> tuple[Any, ...]:
    """The values of the columns, in the order of the table."""
    entry = line.entry
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
        entry.address,
        line.group_id,
        line.tags_id,
        *line.figures,
        _document(entry),
    )


def _document(entry: Entry) -> str:
    return _encode(msgspec.convert(entry, _Document, from_attributes=True)).decode()


def entry_of(row: Row[*tuple[Any, ...]]) -> Entry:
    """The entry in a row that has `COLUMNS` and the document."""
    rest = msgspec.json.decode(row.document)
    return msgspec.convert({**{name: getattr(row, name) for name in COLUMNS}, **rest}, Entry)
