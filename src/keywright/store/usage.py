"""What was used, by whatever it is asked by: from the roll-ups where they suffice, else from the entries.

A question is one query for each part of the time (`spans.py`), all of one form: within, the rows of a table are added
up by the number of their group, and by the hour or day, and by the number of their tags, as far as that is asked;
around it, the few sums that are left get the texts of their groups, and are added up by those. Whatever remains to be
added, of the parts, is added here. Where days are told apart, the entries are asked day by day: to group them, SQLite
sorts them, and ninety times a hundred thousand are sorted in half the time of nine million.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import add
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Subquery,
    Table,
    case,
    cast,
    func,
    literal,
    select,
)

from keywright.core.errors import StoreError
from keywright.store.rollups import DAY_S, DAYS, HOUR_S, US_PER_S
from keywright.store.schema import (
    COUNTERS,
    ENTRIES,
    SUMS,
    TAG_DAYS,
    TAG_SETS,
    USAGE_DAYS,
    USAGE_GROUPS,
    USAGE_HOURS,
)
from keywright.store.spans import Horizon, Source, Span, by_day, spans
from keywright.store.wide import HALF_BITS, LOW_MASK, joined

Dimension: TypeAlias = Literal[
    "day",
    "hour",
    "project",
    "key",
    "owner",
    "provider",
    "model",
    "requested",
    "credential",
    "outcome",
    "tag",
]
"""`day` is `2026-11-24`, `hour` is `2026-11-24T18`, both UTC. `model` is what served (`provider/model`, "" when none
did), `requested` what the client asked for ("" of refused calls). `tag` is `name=value`: a call with several tags
counts under each of them, one without under none."""

ENTRIES_KEPT: Final = "entries_kept"
"""The counter of the moment before which entries may be gone, in Unix seconds."""

ROWS_MAX: Final = 500_000
"""Of one answer."""

PERIODS_S: Final[dict[Dimension, int]] = {"day": DAY_S, "hour": HOUR_S}
PERIOD_FORMATS: Final[dict[Dimension, str]] = {"day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}
GROUP_COLUMNS: Final[dict[Dimension, str]] = {
    "project": "project",
    "key": "key_id",
    "owner": "owner",
    "provider": "provider",
    "model": "served",
    "requested": "requested",
    "credential": "credential",
    "outcome": "outcome",
}
TABLES: Final[dict[Source, tuple[Table, str, int]]] = {
    "entries": (ENTRIES, "started_us", US_PER_S),
    "usage_hours": (USAGE_HOURS, "hour_s", 1),
    "usage_days": (USAGE_DAYS, "day_s", 1),
    "tag_days": (TAG_DAYS, "day_s", 1),
}
"""Each table, its column of time, and how many of that make a second."""


class Filters(Struct, frozen=True):
    """Only calls that have, for each dimension that is given, one of its values. Empty: whatever it is."""

    project: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()
    credential: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    unpriced: bool = False


NO_FILTERS: Final = Filters()


class UsageQuery(Struct, frozen=True):
    """Usage of the calls that started in [since_s, until_s), Unix seconds. `raw`: from the entries only."""

    by: tuple[Dimension, ...]
    since_s: int
    until_s: int
    filters: Filters = NO_FILTERS
    raw: bool = False


class UsageRow(Struct, frozen=True, gc=False):
    """One group: `by` holds its value per dimension, in the order asked.

    Input tokens include those read from and written to a cache, output tokens the reasoning. `unpriced`: how many calls
    were answered without a price; their cost is unknown, and counts as nothing.
    """

    by: tuple[str, ...]
    calls: int
    ok: int
    input_tokens: int
    output_tokens: int
    cost_picodollars: int
    refused: int = 0
    failed: int = 0
    unpriced: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


_Group: TypeAlias = tuple[Any, ...]


def select_usage(connection: Connection, query: UsageQuery) -> tuple[UsageRow, ...]:
    """The answer to `query`, sorted by group. All is read on `connection`, which must be in one transaction.

    Raises:
        StoreError: the answer would have more than `ROWS_MAX` rows.
    """
    sums: dict[_Group, tuple[int, ...]] = {}
    for span in _spans(query, horizon(connection)):
        _add(sums, _rows(connection, _select(query, span).limit(ROWS_MAX + 1)), len(query.by))
    if len(sums) > ROWS_MAX:
        raise StoreError(f"the answer has more than {ROWS_MAX} rows: ask for less time, or by fewer columns")
    periods = [(place, _label(dimension)) for place, dimension in enumerate(query.by) if dimension in PERIODS_S]
    return tuple([UsageRow(_labelled(group, periods), *_figures(sums[group])) for group in sorted(sums)])


def horizon(connection: Connection) -> Horizon:
    """How far the roll-ups and the entries reach."""
    counters = select(COUNTERS.c.name, COUNTERS.c.value).where(COUNTERS.c.name.in_((DAYS, ENTRIES_KEPT)))
    values = {row.name: int(row.value) for row in connection.execute(counters)}
    return Horizon(closed_s=values[DAYS], kept_s=values[ENTRIES_KEPT])


def groups_of(filters: Filters) -> Select[Any] | None:
    """The numbers of the groups that `filters` let through, None for all."""
    wanted: list[ColumnElement[bool]] = [
        USAGE_GROUPS.c[column].in_(values)
        for dimension, column in GROUP_COLUMNS.items()
        if (values := getattr(filters, dimension))
    ]
    if filters.unpriced:
        wanted.append(USAGE_GROUPS.c.unpriced == 1)
    return select(USAGE_GROUPS.c.id).where(*wanted) if wanted else None


def conditions(table: Table, filters: Filters) -> list[ColumnElement[bool]]:
    """What lets through those rows of `table` that `filters` let through."""
    found: list[ColumnElement[bool]] = []
    groups = groups_of(filters)
    if groups is not None:
        found.append(table.c.group_id.in_(groups))
    if filters.tag:
        found.append(table.c.tags_id.in_(select(TAG_SETS.c.id).where(TAG_SETS.c.tag.in_(filters.tag))))
    return found


def _spans(query: UsageQuery, reach: Horizon) -> Iterator[Span]:
    by_tag = "tag" in query.by or bool(query.filters.tag)
    found = spans(query.since_s, query.until_s, reach, by_hour="hour" in query.by, by_tag=by_tag)
    for span in [Span("entries", query.since_s, query.until_s)] if query.raw else found:
        yield from by_day(span) if span.source == "entries" and _period_s(query) else [span]


def _select(query: UsageQuery, span: Span) -> Select[Any]:
    facts = _facts(query, span)
    source: FromClause = facts.join(USAGE_GROUPS, USAGE_GROUPS.c.id == facts.c.group_id)
    if "tag" in query.by:
        source = source.join(TAG_SETS, TAG_SETS.c.id == facts.c.tags_id)
    dimensions = [_dimension(dimension, query, facts).label(f"by_{at}") for at, dimension in enumerate(query.by)]
    names = [column.name for column in dimensions]
    return select(*dimensions, *_sums(facts)).select_from(source).group_by(*names)


def _facts(query: UsageQuery, span: Span) -> Subquery:
    """The rows of the span, added up by all that the question tells apart."""
    table, time, ticks = TABLES[span.source]
    at = table.c[time]
    keys = [table.c.group_id.label("group_id")]
    constants: list[ColumnElement[Any]] = []
    period_s = _period_s(query)
    if period_s == DAY_S and span.source == "entries":
        constants.append(literal(span.since_s // DAY_S, BigInteger).label("period"))
    elif period_s:
        keys.append((at // literal(period_s * ticks)).label("period"))
    if "tag" in query.by:
        keys.append(table.c.tags_id.label("tags_id"))
    within = [at >= span.since_s * ticks, at < span.until_s * ticks, *conditions(table, query.filters)]
    if "tag" in query.by:
        within.append(table.c.tags_id != 0)
    names = [key.name for key in keys]
    return select(*keys, *constants, *_amounts(table)).where(*within).group_by(*names).subquery("facts")


def _amounts(table: Table) -> Iterator[ColumnElement[Any]]:
    """`SUMS` of `table`, added up."""
    if table is not ENTRIES:
        yield from (_sum(table.c[name]).label(name) for name in SUMS)
        return
    cost = ENTRIES.c.cost_picodollars
    yield func.count().label("calls")
    yield from (_sum(ENTRIES.c[name]).label(name) for name in SUMS if name.endswith("_tokens"))
    yield _sum(cost.bitwise_rshift(literal(HALF_BITS, Integer))).label("cost_high")
    yield _sum(cost.bitwise_and(LOW_MASK)).label("cost_low")


def _sum(amounts: ColumnElement[int]) -> ColumnElement[int]:
    """Their sum, which fits 64 bits (PostgreSQL's own type of a sum has no end, and is read slowly)."""
    return cast(func.sum(amounts), BigInteger)


def _period_s(query: UsageQuery) -> int:
    """The shortest period that is asked by, 0 for none."""
    return min((PERIODS_S[dimension] for dimension in query.by if dimension in PERIODS_S), default=0)


def _dimension(dimension: Dimension, query: UsageQuery, facts: Subquery) -> ColumnElement[Any]:
    """The dimension's value; periods as their number since 1970."""
    if dimension == "tag":
        return TAG_SETS.c.tag
    if dimension in GROUP_COLUMNS:
        return USAGE_GROUPS.c[GROUP_COLUMNS[dimension]]
    several = PERIODS_S[dimension] // _period_s(query)
    period: ColumnElement[Any] = facts.c.period
    return period // literal(several) if several > 1 else period


def _sums(facts: Subquery) -> Iterator[ColumnElement[Any]]:
    yield from (_sum(facts.c[name]) for name in SUMS)
    for outcome in ("ok", "refused", "failed"):
        yield _sum(case((USAGE_GROUPS.c.outcome == outcome, facts.c.calls), else_=0))
    yield _sum(USAGE_GROUPS.c.unpriced * facts.c.calls)


def _rows(connection: Connection, query: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """The driver's own tuples: of a hundred thousand, to make SQLAlchemy's takes a fifth of a second."""
    with connection.execute(query) as result:
        return result.cursor.fetchall()


def _add(sums: dict[_Group, tuple[int, ...]], rows: Sequence[tuple[Any, ...]], width: int) -> None:
    for row in rows:
        if row[width]:  # asked by no dimension, no calls are one row of nulls; and a group may have lost all its calls
            group, amounts = row[:width], row[width:]
            so_far = sums.get(group)
            sums[group] = amounts if so_far is None else tuple(map(add, so_far, amounts))


def _figures(amounts: tuple[int, ...]) -> tuple[int, ...]:
    """The figures of a `UsageRow`, in its order."""
    calls, prompt, read, written, completion, reasoning, high, low, ok, refused, failed, unpriced = amounts
    cost = joined(high, low)
    return (calls, ok, prompt, completion, cost, refused, failed, unpriced, read, written, reasoning)


def _label(dimension: Dimension) -> Callable[[int], str]:
    length_s, form = PERIODS_S[dimension], PERIOD_FORMATS[dimension]
    return cache(lambda number: datetime.fromtimestamp(number * length_s, UTC).strftime(form))


def _labelled(group: _Group, periods: Sequence[tuple[int, Callable[[int], str]]]) -> tuple[str, ...]:
    """`group` with its periods as texts."""
    if not periods:
        return group
    values = list(group)
    for place, label in periods:
        values[place] = label(values[place])
    return tuple(values)
