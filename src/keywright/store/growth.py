"""What grew most against the week before."""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from keywright.store.rollups import DAY_S, HOUR_S
from keywright.store.usage import NO_FILTERS, Dimension, Filters, UsageQuery, UsageRow, select_usage

WEEK_S: Final = 7 * DAY_S


class Growth(Struct, frozen=True):
    """One value of a dimension: calls and cost of the last seven days, and of the seven before."""

    name: str
    calls: int
    calls_before: int
    picodollars: int
    picodollars_before: int

    @property
    def more_picodollars(self) -> int:
        """By how much the cost grew."""
        return self.picodollars - self.picodollars_before


def select_growth(
    connection: Connection, by: Dimension, now_s: int, top: int, filters: Filters = NO_FILTERS, *, raw: bool = False
) -> tuple[Growth, ...]:
    """The `top` values of `by` whose cost grew most, the most first; where costs grew alike, whose calls did.

    Both weeks end at a whole hour, the last one that has begun.
    """
    until_s = now_s // HOUR_S * HOUR_S

    def week(end_s: int) -> dict[str, UsageRow]:
        query = UsageQuery((by,), end_s - WEEK_S, end_s, filters, raw=raw)
        return {row.by[0]: row for row in select_usage(connection, query)}

    now, before = week(until_s), week(until_s - WEEK_S)
    grown = [_growth(name, now.get(name), before.get(name)) for name in now.keys() | before.keys()]
    grown.sort(key=lambda one: (-one.more_picodollars, one.calls_before - one.calls, one.name))
    return tuple(grown[:top])


def _growth(name: str, now: UsageRow | None, before: UsageRow | None) -> Growth:
    return Growth(
        name=name,
        calls=now.calls if now else 0,
        calls_before=before.calls if before else 0,
        picodollars=now.cost_picodollars if now else 0,
        picodollars_before=before.cost_picodollars if before else 0,
    )
