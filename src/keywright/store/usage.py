"""What was used, by whatever it is asked by: from the hourly roll-ups where they suffice, else from the entries.

Whole hours, asked by what was rolled up, read one row per hour, project, key and model. The parts of an hour at both
ends of the time asked for come from the entries; so does everything when a dimension was not rolled up.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Integer, Row, Select, Table, case, func, literal, select

from keywright.store.entries import HOUR_S, US_PER_S
from keywright.store.schema import ENTRIES, USAGE_HOURS
from keywright.store.wide import HALF_BITS, LOW_MASK, joined

Dimension: TypeAlias = Literal[
    "day", "hour", "project", "key", "provider", "model", "requested", "credential", "outcome"
]
"""`day` is `2026-11-24`, `hour` is `2026-11-24T18`, both UTC. `model` is what served (`provider/model`, "" when none
did), `requested` what the client asked for."""

DAY_S: Final = 24 * HOUR_S

COLUMN_NAMES: Final[dict[Dimension, str]] = {
    "project": "project",
    "key": "key_id",
    "provider": "provider",
    "model": "served",
    "requested": "model",
    "credential": "credential",
    "outcome": "outcome",
}
PERIODS_S: Final[dict[Dimension, int]] = {"day": DAY_S, "hour": HOUR_S}
PERIOD_FORMATS: Final[dict[Dimension, str]] = {"day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}
ROLLED_UP: Final[frozenset[Dimension]] = frozenset({"day", "hour", "project", "key", "provider", "model"})
AMOUNTS: Final = ("input_tokens", "output_tokens", "cost_picodollars")


class UsageRow(Struct, frozen=True):
    """One group: `by` holds its value per dimension, in the order asked. Tokens are totals, cached ones included."""

    by: tuple[str, ...]
    calls: int
    ok: int
    input_tokens: int
    output_tokens: int
    cost_picodollars: int


_Group: TypeAlias = tuple[str | int, ...]


def select_usage(connection: Connection, by: tuple[Dimension, ...], since_s: int, until_s: int) -> tuple[UsageRow, ...]:
    """Usage of the calls that started in [since_s, until_s), Unix seconds, sorted by group.

    All queries are made on `connection`, which must be in one transaction.
    """
    sums: dict[_Group, list[int]] = {}
    for query in _queries(by, since_s, until_s):
        for row in connection.execute(query):
            _add(sums, row, len(by))
    return tuple(UsageRow(_labels(by, group), *amounts) for group, amounts in sorted(sums.items()))


def _queries(by: tuple[Dimension, ...], since_s: int, until_s: int) -> Iterator[Select[Any]]:
    first_s, last_s = -(-since_s // HOUR_S) * HOUR_S, until_s // HOUR_S * HOUR_S
    if not ROLLED_UP.issuperset(by) or first_s >= last_s:
        yield _of_entries(by, since_s, until_s)
        return
    yield _of_hours(by, first_s, last_s)
    if since_s < first_s:
        yield _of_entries(by, since_s, first_s)
    if last_s < until_s:
        yield _of_entries(by, last_s, until_s)


def _of_hours(by: tuple[Dimension, ...], since_s: int, until_s: int) -> Select[Any]:
    at = USAGE_HOURS.c.hour_s
    groups = _groups(USAGE_HOURS, by, at, 1)
    sums = [func.sum(USAGE_HOURS.c.calls), func.sum(USAGE_HOURS.c.ok)]
    sums += [func.sum(USAGE_HOURS.c[f"{amount}_{half}"]) for amount in AMOUNTS for half in ("high", "low")]
    return select(*groups, *sums).where(at >= since_s, at < until_s).group_by(*_names(groups))


def _of_entries(by: tuple[Dimension, ...], since_s: int, until_s: int) -> Select[Any]:
    at = ENTRIES.c.started_us
    groups = _groups(ENTRIES, by, at, US_PER_S)
    sums: list[ColumnElement[Any]] = [func.count(), func.sum(case((ENTRIES.c.outcome == "ok", 1), else_=0))]
    for amount in AMOUNTS:
        column = ENTRIES.c[amount]
        sums += [func.sum(column.bitwise_rshift(literal(HALF_BITS, Integer))), func.sum(column.bitwise_and(LOW_MASK))]
    return select(*groups, *sums).where(at >= since_s * US_PER_S, at < until_s * US_PER_S).group_by(*_names(groups))


def _groups(table: Table, by: tuple[Dimension, ...], at: ColumnElement[int], ticks: int) -> list[ColumnElement[Any]]:
    """The column of each dimension: periods as their number since 1970. `ticks`: how many of `at` make a second."""
    return [
        (at // (PERIODS_S[dimension] * ticks)).label(f"by_{place}")
        if dimension in PERIODS_S
        else table.c[COLUMN_NAMES[dimension]].label(f"by_{place}")
        for place, dimension in enumerate(by)
    ]


def _names(groups: list[ColumnElement[Any]]) -> list[str]:
    """Those names again: PostgreSQL takes an expression with a parameter in it for another one each time."""
    return [f"by_{place}" for place, _ in enumerate(groups)]


def _add(sums: dict[_Group, list[int]], row: Row[Any], width: int) -> None:
    if not row[width]:
        return  # asked by no dimension, no calls are one row of nulls
    group, (calls, ok, *parts) = tuple(row[:width]), row[width:]
    amounts = (int(calls), int(ok), *(joined(int(parts[at]), int(parts[at + 1])) for at in (0, 2, 4)))
    so_far = sums.setdefault(group, [0] * len(amounts))
    for place, amount in enumerate(amounts):
        so_far[place] += amount


def _labels(by: tuple[Dimension, ...], group: _Group) -> tuple[str, ...]:
    return tuple(
        datetime.fromtimestamp(int(value) * PERIODS_S[dimension], UTC).strftime(PERIOD_FORMATS[dimension])
        if dimension in PERIODS_S
        else str(value)
        for dimension, value in zip(by, group, strict=True)
    )
