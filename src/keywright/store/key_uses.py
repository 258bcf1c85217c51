"""When each key was last used, and from where: rows of `key_uses`."""

from collections.abc import Iterable

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as upsert  # which SQLite's compiler takes, too

from keywright.core.entry import Entry
from keywright.store.schema import KEY_USES


def note_uses(connection: Connection, entries: Iterable[Entry]) -> None:
    """Note the last use of each key in `entries`; an older one changes nothing. Refused calls are uses, too."""
    last: dict[str, Entry] = {}
    for entry in entries:
        known = last.get(entry.key_id)
        if known is None or known.started_us < entry.started_us:
            last[entry.key_id] = entry
    rows = [
        {"key_id": key_id, "last_us": entry.started_us, "address": entry.address}
        for key_id, entry in sorted(last.items())
    ]
    if rows:
        connection.execute(_NOTE, rows)


_INSERT = upsert(KEY_USES)
_NOTE = _INSERT.on_conflict_do_update(
    index_elements=["key_id"],
    set_={"last_us": _INSERT.excluded.last_us, "address": _INSERT.excluded.address},
    where=KEY_USES.c.last_us < _INSERT.excluded.last_us,
)
