"""The ledger's entries: rows of `entries`, and what each adds to its hour's roll-up.

An entry is written once however often it is brought: the batch's ids that exist are looked up under the write lock, and
only the others are inserted and rolled up. (`ON CONFLICT DO NOTHING` would do for the rows, but does not say portably
which of them were new.)
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert  # PostgreSQL's has the same shape
from sqlalchemy.ext.asyncio import AsyncConnection

from keywright.core.entry import Entry
from keywright.store.schema import ENTRIES, USAGE_HOURS
from keywright.store.wide import bounded, halves

HOUR_S: Final = 3600
US_PER_S: Final = 10**6
IDS_PER_QUERY: Final = 500

COLUMNS: Final = tuple(name for name in Entry.__struct_fields__ if name in ENTRIES.c)
"""The fields of an entry that are columns; all others are in the document."""

_DOCUMENT_FIELDS: Final = tuple(
    (field.name, field.default) for field in msgspec.structs.fields(Entry) if field.name not in COLUMNS
)
_HOUR_KEY: Final = tuple(column.name for column in USAGE_HOURS.primary_key)
_HOUR_SUMS: Final = tuple(column.name for column in USAGE_HOURS.c if column.name not in _HOUR_KEY)

_encode: Final = msgspec.json.Encoder().encode
_SELECT: Final = select(*(ENTRIES.c[name] for name in COLUMNS), ENTRIES.c.document)


async def insert_new(connection: AsyncConnection, entries: Sequence[Entry]) -> int:
    """Keep those of `entries` that are not kept yet, and roll them up. Returns how many those were.

    `connection` must hold the write lock.
    """
    offered: dict[str, Entry] = {}
    for entry in entries:
        offered.setdefault(entry.id, entry)
    for known in await _known(connection, tuple(offered)):
        del offered[known]
    if not offered:
        return 0
    rows = [_row(entry) for entry in offered.values()]
    await connection.execute(insert(ENTRIES), rows)
    await _roll_up(connection, rows)
    return len(rows)


async def select_entry(connection: AsyncConnection, entry_id: str) -> Entry | None:
    """The entry with that id, as it was written."""
    row = (await connection.execute(_SELECT.where(ENTRIES.c.id == entry_id))).first()
    return None if row is None else _entry(row)


async def _known(connection: AsyncConnection, ids: Sequence[str]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(ids), IDS_PER_QUERY):
        wanted = ids[start : start + IDS_PER_QUERY]
        found.extend(await connection.scalars(select(ENTRIES.c.id).where(ENTRIES.c.id.in_(wanted))))
    return found


async def _roll_up(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    hours: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        hour_s = row["started_us"] // US_PER_S // HOUR_S * HOUR_S
        group = (hour_s, row["project"], row["key_id"], row["provider"], row["served"])
        added = (
            1,
            row["outcome"] == "ok",
            *halves(row["input_tokens"]),
            *halves(row["output_tokens"]),
            *halves(row["cost_picodollars"]),
        )
        sums = hours.get(group)
        hours[group] = (
            list(added) if sums is None else [so_far + more for so_far, more in zip(sums, added, strict=True)]
        )
    statement = upsert(USAGE_HOURS)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=_HOUR_KEY,
            set_={name: USAGE_HOURS.c[name] + statement.excluded[name] for name in _HOUR_SUMS},
        ),
        [dict(zip((*_HOUR_KEY, *_HOUR_SUMS), (*group, *sums), strict=True)) for group, sums in hours.items()],
    )


def _row(entry: Entry) -> dict[str, Any]:
    rest = {name: value for name, default in _DOCUMENT_FIELDS if (value := getattr(entry, name)) != default}
    usage = entry.usage
    return {
        "id": entry.id,
        "started_us": entry.started_us,
        "project": entry.project,
        "key_id": entry.key_id,
        "provider": entry.provider,
        "served": entry.served,
        "model": entry.model,
        "credential": entry.credential,
        "outcome": entry.outcome,
        "status": entry.status,
        "input_tokens": bounded(usage.input_total),
        "output_tokens": bounded(usage.output_total),
        "cost_picodollars": bounded(entry.cost_picodollars),
        "document": _encode(rest).decode(),
    }


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    rest = msgspec.json.decode(row.document)
    return msgspec.convert({**{name: getattr(row, name) for name in COLUMNS}, **rest}, Entry)
