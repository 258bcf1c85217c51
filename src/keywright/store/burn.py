"""How a budget is being used up: what was spent hour by hour, and when nothing will be left at that rate.

What counts is what the ledger holds since the budget's period began, or since the budget was made if that was later, as
in its account. Two rates are given: over the whole time, and over the last day. Amounts are exact; only what is yet to
come is rounded, to whole picodollars and seconds.
"""

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, select

from keywright.core.budget import Budget, Period, Subject, period, rolling_s
from keywright.store.rollups import DAY_S, HOUR_S
from keywright.store.schema import USAGE_GROUPS
from keywright.store.usage import Dimension, Filters, UsageQuery, select_usage

RECENT_S: Final = DAY_S
"""Over how long the recent rate is taken."""


class Forecast(Struct, frozen=True):
    """If it goes on at this rate, in picodollars an hour.

    `used_up_s`: when nothing will be left, in Unix seconds; None: not in this period. `at_end`: what will have been
    spent at the period's end; None where it has none.
    """

    per_hour: int
    used_up_s: int | None
    at_end: int | None


class BurnDown(Struct, frozen=True):
    """[since_s, until_s) is the period, as far as it counts. `points`: when, and what was spent in `step_s` from then.

    `steady`: at the rate of all the time. `recent`: at that of the last day.
    """

    budget: Budget
    since_s: int
    until_s: int | None
    step_s: int
    points: tuple[tuple[int, int], ...]
    spent: int
    steady: Forecast
    recent: Forecast


def select_burn_down(connection: Connection, budget: Budget, now_s: int, *, raw: bool = False) -> BurnDown:
    """How `budget` is being used up at `now_s`. By the hour, of a tag by the day."""
    span = counted(budget, now_s)
    filters = filters_on(connection, budget.on)
    by: Dimension = "day" if filters.tag else "hour"
    step_s = DAY_S if filters.tag else HOUR_S
    of_period = UsageQuery((by,), span.start_s, now_s + 1, filters, raw=raw)
    points = tuple((_start_s(row.by[0]), row.cost_picodollars) for row in select_usage(connection, of_period))
    spent = sum(picodollars for _, picodollars in points)
    recent_s = max(span.start_s, now_s - RECENT_S)
    recent = select_usage(connection, UsageQuery((), recent_s, now_s + 1, filters, raw=raw))
    return BurnDown(
        budget=budget,
        since_s=span.start_s,
        until_s=span.end_s,
        step_s=step_s,
        points=points,
        spent=spent,
        steady=forecast(budget.picodollars, spent, spent, now_s - span.start_s, now_s, span.end_s),
        recent=forecast(
            budget.picodollars, spent, sum(row.cost_picodollars for row in recent), now_s - recent_s, now_s, span.end_s
        ),
    )


def counted(budget: Budget, now_s: int) -> Period:
    """The period that counts at `now_s`, from when the budget was made. A rolling window goes on for as long again."""
    rolls = rolling_s(budget.window)
    if rolls is not None:
        return Period(max(now_s - rolls, budget.created_s), now_s + rolls)
    calendar = period(budget.window, now_s)
    return Period(max(calendar.start_s, budget.created_s), calendar.end_s)


def forecast(cap: int, spent: int, burnt: int, burnt_s: int, now_s: int, end_s: int | None) -> Forecast:
    """What comes of `spent` out of `cap` if it goes on as in the last `burnt_s` seconds, in which `burnt` was spent."""
    burnt_s = max(burnt_s, 1)
    at_end = None if end_s is None else spent + burnt * max(0, end_s - now_s) // burnt_s
    used_up_s: int | None = None
    if spent >= cap:
        used_up_s = now_s
    elif burnt > 0:
        when_s = now_s + -(-(cap - spent) * burnt_s // burnt)
        used_up_s = when_s if end_s is None or when_s < end_s else None
    return Forecast(per_hour=burnt * HOUR_S // burnt_s, used_up_s=used_up_s, at_end=at_end)


def filters_on(connection: Connection, on: Subject) -> Filters:
    """What lets through the calls that count for a budget on `on`. A glob over models is one over what served."""
    match on.kind:
        case "organisation":
            return Filters()
        case "project":
            return Filters(project=(on.name,))
        case "user" | "service_account":
            return Filters(owner=(on.name,))
        case "key":
            return Filters(key=(on.name,))
        case "tag":
            return Filters(tag=(on.name,))
        case "model":
            served = connection.scalars(select(USAGE_GROUPS.c.served).distinct())
            return Filters(model=tuple(name for name in served if name and fnmatchcase(name, on.name)) or (on.name,))


def _start_s(label: str) -> int:
    """When the day or hour began that `label` stands for."""
    form = "%Y-%m-%dT%H" if "T" in label else "%Y-%m-%d"
    return int(datetime.strptime(label, form).replace(tzinfo=UTC).timestamp())
