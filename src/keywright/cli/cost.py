"""`keywright cost`: what was spent day by day, what grew, and how long budgets will last."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from msgspec import Struct

from keywright.cli import charts
from keywright.cli.api import Api, path, run
from keywright.cli.errors import ApiRefusedError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.screen import STRONG, console, emit_json, note, printable, show_table
from keywright.cli.words import when
from keywright.control.resources import BudgetRow, BurnDownRow, GrowthRow, GrowthTable, UsageTable
from keywright.core.money import from_usd, to_usd

EXAMPLE: Final = "Example: keywright cost --by project --since 30d"
GROWN_SHOWN: Final = 10
BUDGETS_MAX: Final = 50
"""Of one answer: each is a question of its own."""
DAYS_MAX: Final = 400


class Day(Struct, frozen=True):
    """What was spent on a day: in all, and by the values that are told apart."""

    day: str
    cost_usd: str
    parts: dict[str, str]


class Cost(Struct, frozen=True):
    """What there is to say. Every day is there, those without a call included."""

    by: str
    since: str
    until: str
    total_usd: str
    days: tuple[Day, ...]
    growth: tuple[GrowthRow, ...]
    budgets: tuple[BurnDownRow, ...]


def cost(
    *,
    by: Annotated[
        str, typer.Option(metavar="COLUMN", help="What to tell apart: model, project, key, owner, provider, tag …")
    ] = "model",
    since: Annotated[str, typer.Option(metavar="WHEN", help="From when on: 14d ago, a day, a time.")] = "14d",
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Show what was spent day by day, what grew against the week before, and how long budgets will last."""
    if "," in by or by in ("day", "hour"):
        raise typer.BadParameter(f"{by!r} is not one column beside the day", param_hint="--by")
    found = run(config, lambda api: _cost(api, by, since))
    if json:
        emit_json(found)
        return
    _show_days(found)
    _show_growth(found)
    _show_budgets(found.budgets)


async def _cost(api: Api, by: str, since: str) -> Cost:
    table = await api.get("/usage", UsageTable, {"by": f"day,{by}", "since": when(since)})
    growth = await _growth(api, by)
    budgets = await api.rows("/budgets", BudgetRow)
    if len(budgets) > BUDGETS_MAX:
        note(f"of {len(budgets)} budgets the first {BUDGETS_MAX} are shown: `keywright budget list` has all")
    burnt = [await api.get(path("budgets", one.id, "burn-down"), BurnDownRow) for one in budgets[:BUDGETS_MAX]]
    return Cost(
        by=by,
        since=table.since,
        until=table.until,
        total_usd=to_usd(sum(from_usd(row.cost_usd) for row in table.rows)),
        days=tuple(_days(table, by)),
        growth=growth,
        budgets=tuple(burnt),
    )


async def _growth(api: Api, by: str) -> tuple[GrowthRow, ...]:
    """What grew most; nothing for those who may see single projects only."""
    try:
        table = await api.get("/reports/growth", GrowthTable, {"by": by, "top": str(GROWN_SHOWN)})
    except ApiRefusedError as error:
        if error.code != "forbidden":
            raise
        return ()
    return table.rows


def _days(table: UsageTable, by: str) -> Iterator[Day]:
    """Every day from the first to the last."""
    parts: dict[str, dict[str, str]] = {}
    for row in table.rows:
        parts.setdefault(str(row.day), {})[getattr(row, by)] = row.cost_usd
    until = _time(table.until)
    at = max(_time(table.since), until - timedelta(days=DAYS_MAX)).date()
    while at <= until.date():
        then = parts.get(str(at), {})
        yield Day(str(at), to_usd(sum(map(from_usd, then.values()))), then)
        at += timedelta(days=1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _show_days(found: Cost) -> None:
    screen = console()
    if not any(day.parts for day in found.days):
        screen.print(f"nothing was called since {found.since}")
        return
    screen.print(f"{found.total_usd} USD since {found.since}, by day and {found.by}", style=STRONG)
    amounts = {day.day: {name: from_usd(amount) for name, amount in day.parts.items()} for day in found.days}
    for line in charts.bars(amounts, is_plain=not screen.is_terminal):
        screen.print(line)


def _show_growth(found: Cost) -> None:
    if not found.growth:
        return
    console().print(f"\nthe last seven days against the seven before, by {found.by}", style=STRONG)
    figures = ("calls", "before", "USD", "USD before", "more")
    rows = [
        (row.name or "-", f"{row.calls:,}", f"{row.calls_before:,}", row.cost_usd, row.cost_before_usd, _more(row))
        for row in found.growth
    ]
    show_table((found.by, *figures), rows, figures)


def _more(row: GrowthRow) -> str:
    """By how much of a hundred the cost grew."""
    now, before = from_usd(row.cost_usd), from_usd(row.cost_before_usd)
    return f"{(now - before) * 100 // before:+d} %" if before else "new" if now else "-"


def _show_budgets(budgets: Sequence[BurnDownRow]) -> None:
    if not budgets:
        return
    screen = console()
    screen.print("budgets, and how long they last at the last day's rate", style=STRONG)
    for row in budgets:
        burn = charts.Burn(
            name=f"{printable(row.on)} ({row.window})",
            cap=from_usd(row.limit_usd),
            spent=tuple(from_usd(point.usd) for point in row.points),
            used_up_s=None if row.recent.used_up is None else int(_time(row.recent.used_up).timestamp()),
            end_s=None if row.until is None else int(_time(row.until).timestamp()),
        )
        for line in charts.burn_down(burn, is_plain=not screen.is_terminal):
            screen.print(line)
