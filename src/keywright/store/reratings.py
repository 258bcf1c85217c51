"""Runs that correct recorded costs, forwards and back: rows of `reratings` and `rerated`.

A run goes through the entries in the order of their start. Each step is one transaction: it corrects some entries and
the roll-ups, writes down what they said before, and moves the run's place. So a run that was killed goes on where it
stood, no entry is corrected twice, and nobody ever sees an entry and a roll-up that disagree. Undoing goes through what
was written down, in the same way.

One run at a time is under way, and runs are undone from the newest on: each finds the entries as it left them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select, update

from keywright.catalog.rerating import Correction
from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.store.database import Database
from keywright.store.entries import COLUMNS, entry_of, reprice
from keywright.store.rollups import DAY_S, HOUR_S, US_PER_S
from keywright.store.schema import ENTRIES, RERATED, RERATINGS, TAG_DAYS, USAGE_DAYS, USAGE_HOURS
from keywright.store.served import halved_sums
from keywright.store.wide import bounded, joined

IDS_PER_QUERY: Final = 500
BEFORE_ALL_US: Final = -(2**62)

State: TypeAlias = Literal["open", "done", "undoing", "undone"]


class Span(Struct, frozen=True):
    """Which entries a run goes through, and by what it rates them: everything that it needs to go on elsewhere.

    Entries started in [`since_us`, `until_us`). `as_of`: the price list's date, "" where only `own` counts: ids of the
    operator's prices. `model`: a glob over what served.
    """

    since_us: int
    until_us: int
    as_of: str = ""
    own: tuple[str, ...] = ()
    model: str = "*"
    fees: Mapping[str, int] = {}
    catalogues: Mapping[str, str] = {}


class Run(Struct, frozen=True):
    """One run. `by`: who began it."""

    id: str
    created_s: int
    by: str
    span: Span
    state: State
    undone_s: int | None = None


Revise: TypeAlias = Callable[[Entry], Correction | str]
"""What to change of an entry, or why nothing."""


class Step(Struct, frozen=True):
    """What one step did. `changes`: what served, the old cost and the new one of each corrected entry. `kept`: why how
    many were not. `more`: there may be further entries.
    """

    seen: int
    changes: tuple[tuple[str, int, int], ...]
    kept: Mapping[str, int]
    more: bool


class ModelTotal(Struct, frozen=True):
    """What a run changed of one model."""

    model: str
    entries: int
    old_picodollars: int
    new_picodollars: int


class Reratings:
    """The runs of one database. Every method raises StoreError, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[Run, ...]:
        """Every run, the newest first."""
        return await self._database.read(_runs)

    async def begin(self, run: Run) -> None:
        """Begin `run`, which is open.

        Raises:
            StoreError: another is under way.
        """

        def begin(connection: Connection) -> None:
            runs = _runs(connection)
            _require_idle(runs)
            values = (run.id, len(runs) + 1, run.created_s, run.by, msgspec.json.encode(run.span).decode(), run.state)
            names = ("id", "number", "created_s", "by", "what", "state")
            row = dict(zip(names, values, strict=True))
            connection.execute(insert(RERATINGS).values(**row, at_us=BEFORE_ALL_US, at_id=""))

        await self._database.write(begin)

    async def step(self, run_id: str, revise: Revise, entries_max: int) -> Step:
        """Correct some more entries of an open run; the last step ends it. `revise` is called in a thread.

        Raises:
            StoreError: there is no such run, or it is not open.
        """
        return await self._database.write(lambda connection: _step(connection, run_id, revise, entries_max))

    async def look(
        self, span: Span, revise: Revise, place: tuple[int, str], entries_max: int
    ) -> tuple[Step, tuple[int, str]]:
        """What a step would do from `place` on, and the place after it. Changes nothing."""
        return await self._database.read(lambda connection: _look(connection, span, revise, place, entries_max))

    async def count(self, span: Span) -> int:
        """How many entries a run goes through."""
        within = (ENTRIES.c.started_us >= span.since_us, ENTRIES.c.started_us < span.until_us)
        return await self._database.read(
            lambda connection: int(
                connection.execute(select(func.count()).select_from(ENTRIES).where(*within)).scalar_one()
            )
        )

    async def begin_undo(self, run_id: str) -> Run:
        """Begin to undo a run, or go on with it.

        Raises:
            StoreError: there is no such run, it is undone, or a later one must be undone before.
        """
        return await self._database.write(lambda connection: _begin_undo(connection, run_id))

    async def undo_step(self, run_id: str, now_s: int, entries_max: int) -> Step:
        """Give some more entries back what they said before; the last step ends it.

        Raises:
            StoreError: the run is not being undone.
        """
        return await self._database.write(lambda connection: _undo_step(connection, run_id, now_s, entries_max))

    async def totals(self, run_id: str) -> tuple[ModelTotal, ...]:
        """What the run changed so far, by what served, sorted. Entries that are deleted since are left out."""
        return await self._database.read(lambda connection: _totals(connection, run_id))


def _runs(connection: Connection) -> tuple[Run, ...]:
    rows = connection.execute(select(RERATINGS).order_by(RERATINGS.c.number.desc()))
    return tuple(_run(row) for row in rows)


def _run(row: Row[Any]) -> Run:
    return Run(row.id, row.created_s, row.by, msgspec.json.decode(row.what, type=Span), row.state, row.undone_s)


def _require_idle(runs: Sequence[Run]) -> None:
    for run in runs:
        if run.state == "open":
            raise StoreError(f"the run {run.id} is not complete: go on with --resume {run.id}, or --undo {run.id}")
        if run.state == "undoing":
            raise StoreError(f"the run {run.id} is being undone: go on with --undo {run.id}")


def _locked(connection: Connection, run_id: str) -> tuple[Run, tuple[int, str]]:
    """The run and its place. Who else wants it waits until this transaction ends."""
    connection.execute(update(RERATINGS).where(RERATINGS.c.id == run_id).values(at_us=RERATINGS.c.at_us))
    row = connection.execute(select(RERATINGS).where(RERATINGS.c.id == run_id)).first()
    if row is None:
        raise StoreError(f"there is no run {run_id}: `keywright prices rerate --list` names them")
    return _run(row), (row.at_us, row.at_id)


def _step(connection: Connection, run_id: str, revise: Revise, entries_max: int) -> Step:
    run, place = _locked(connection, run_id)
    if run.state != "open":
        raise StoreError(f"the run {run_id} is {run.state}, and not open")
    found = _entries(connection, run.span, place, entries_max)
    changes, kept = _revised(found, revise)
    if changes:
        connection.execute(insert(RERATED), [_row(run_id, old, new) for old, new in changes])
        _apply(connection, changes)
    _move(connection, run_id, found, "open" if len(found) == entries_max else "done")
    return _told(found, changes, kept, more=len(found) == entries_max)


def _look(
    connection: Connection, span: Span, revise: Revise, place: tuple[int, str], entries_max: int
) -> tuple[Step, tuple[int, str]]:
    found = _entries(connection, span, place, entries_max)
    changes, kept = _revised(found, revise)
    step = _told(found, changes, kept, more=len(found) == entries_max)
    return step, ((found[-1].started_us, found[-1].id) if found else place)


def _begin_undo(connection: Connection, run_id: str) -> Run:
    run, _ = _locked(connection, run_id)
    if run.state == "undone":
        raise StoreError(f"the run {run_id} is undone already")
    if run.state == "undoing":
        return run
    later = [each.id for each in _runs(connection) if each.state != "undone"]
    if later[0] != run_id:
        raise StoreError(f"the run {later[0]} came later and stands on what {run_id} left: undo it first")
    _set(connection, run_id, state="undoing", at_us=BEFORE_ALL_US, at_id="")
    return replace(run, state="undoing")


def _undo_step(connection: Connection, run_id: str, now_s: int, entries_max: int) -> Step:
    run, place = _locked(connection, run_id)
    if run.state != "undoing":
        raise StoreError(f"the run {run_id} is {run.state}, and not being undone")
    query = select(RERATED).where(RERATED.c.run_id == run_id, _beyond(RERATED.c.started_us, RERATED.c.entry_id, place))
    rows = connection.execute(query.order_by(RERATED.c.started_us, RERATED.c.entry_id).limit(entries_max)).all()
    entries = _by_id(connection, [row.entry_id for row in rows])
    changes = [
        (entry, replace(entry, price=row.old_price, cost_picodollars=row.old_cost))
        for row in rows
        if (entry := entries.get(row.entry_id)) is not None
    ]
    _apply(connection, changes)
    kept = Counter({"deleted": len(rows) - len(changes)} if len(rows) > len(changes) else {})
    more = len(rows) == entries_max
    if rows:
        _set(connection, run_id, at_us=rows[-1].started_us, at_id=rows[-1].entry_id)
    if not more:
        _set(connection, run_id, state="undone", undone_s=now_s)
    return _told([old for old, _ in changes], changes, kept, more=more)


def _apply(connection: Connection, changes: Sequence[tuple[Entry, Entry]]) -> None:
    """Correct entries and roll-ups. What has moved to another group, as it has a price now, leaves no empty row."""
    reprice(connection, changes)
    moved = [old.started_us // US_PER_S for old, new in changes if bool(old.price) != bool(new.price)]
    if moved:
        hours, days = {at // HOUR_S * HOUR_S for at in moved}, {at // DAY_S * DAY_S for at in moved}
        for table, column, times in (
            (USAGE_HOURS, "hour_s", hours),
            (USAGE_DAYS, "day_s", days),
            (TAG_DAYS, "day_s", days),
        ):
            connection.execute(delete(table).where(table.c.calls == 0, table.c[column].in_(times)))


def _entries(connection: Connection, span: Span, place: tuple[int, str], entries_max: int) -> list[Entry]:
    """The next entries of the span, in order."""
    columns = ENTRIES.c
    query = (
        select(*(columns[name] for name in COLUMNS), columns.document)
        .where(columns.started_us >= max(span.since_us, place[0]), columns.started_us < span.until_us)
        .where(_beyond(columns.started_us, columns.id, place))
        .order_by(columns.started_us, columns.id)
        .limit(entries_max)
    )
    return [entry_of(row) for row in connection.execute(query)]


def _by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for at in range(0, len(ids), IDS_PER_QUERY):
        query = select(*(ENTRIES.c[name] for name in COLUMNS), ENTRIES.c.document)
        for row in connection.execute(query.where(ENTRIES.c.id.in_(ids[at : at + IDS_PER_QUERY]))):
            found[row.id] = entry_of(row)
    return found


def _beyond(us: ColumnElement[int], id_: ColumnElement[str], place: tuple[int, str]) -> ColumnElement[bool]:
    return or_(us > place[0], and_(us == place[0], id_ > place[1]))


def _revised(found: Sequence[Entry], revise: Revise) -> tuple[list[tuple[Entry, Entry]], Counter[str]]:
    """Each entry to be changed with what it becomes; why how many others are not."""
    changes: list[tuple[Entry, Entry]] = []
    kept: Counter[str] = Counter()
    for entry in found:
        change = revise(entry)
        if isinstance(change, Correction):
            cost = bounded(change.picodollars)
            changes.append((entry, replace(entry, price=change.price, cost_picodollars=cost)))
        else:
            kept[change] += 1
    return changes, kept


def _row(run_id: str, old: Entry, new: Entry) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "entry_id": old.id,
        "started_us": old.started_us,
        "old_cost": old.cost_picodollars,
        "old_price": old.price,
        "new_cost": new.cost_picodollars,
        "new_price": new.price,
    }


def _move(connection: Connection, run_id: str, found: Sequence[Entry], state: State) -> None:
    place = {"at_us": found[-1].started_us, "at_id": found[-1].id} if found else {}
    _set(connection, run_id, state=state, **place)


def _set(connection: Connection, run_id: str, **values: Any) -> None:
    connection.execute(update(RERATINGS).where(RERATINGS.c.id == run_id).values(values))


def _told(found: Sequence[Entry], changes: Sequence[tuple[Entry, Entry]], kept: Counter[str], *, more: bool) -> Step:
    told = tuple((old.served, old.cost_picodollars, new.cost_picodollars) for old, new in changes)
    return Step(seen=len(found), changes=told, kept=dict(kept), more=more)


def _totals(connection: Connection, run_id: str) -> tuple[ModelTotal, ...]:
    halves = [half for column in (RERATED.c.old_cost, RERATED.c.new_cost) for half in halved_sums(column)]
    same = and_(ENTRIES.c.id == RERATED.c.entry_id, ENTRIES.c.started_us == RERATED.c.started_us)
    query = (
        select(ENTRIES.c.served, func.count(), *halves)
        .select_from(RERATED.join(ENTRIES, same))
        .where(RERATED.c.run_id == run_id)
        .group_by(ENTRIES.c.served)
        .order_by(ENTRIES.c.served)
    )
    return tuple(
        ModelTotal(row[0], int(row[1]), joined(int(row[2]), int(row[3])), joined(int(row[4]), int(row[5])))
        for row in connection.execute(query)
    )
