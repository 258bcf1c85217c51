"""`keywright budget`: what may be spent, by whom and in which time."""

from typing import Annotated, Final, TypeAlias

import typer
from msgspec import UNSET

from keywright.cli.api import Api, path, run
from keywright.cli.nearest import naming_subject
from keywright.cli.options import ConfigFile, JsonFlag, On, OnFilter, Yes
from keywright.cli.screen import confirm, console, emit_json, show_row, show_rows
from keywright.cli.words import Body, body, change, said
from keywright.control.resources import BudgetRow

CREATE_EXAMPLE: Final = "Example: keywright budget create --on project:search --amount 50 --window month"
LIST_EXAMPLE: Final = "Example: keywright budget list --json"
SHOW_EXAMPLE: Final = "Example: keywright budget show bud_1a2b3c"
UPDATE_EXAMPLE: Final = "Example: keywright budget update bud_1a2b3c --amount 80"
DELETE_EXAMPLE: Final = "Example: keywright budget delete bud_1a2b3c --yes"

COLUMNS: Final = ("id", "on", "window", "limit_usd", "spent_usd", "reserved_usd", "available_usd", "hard", "period_end")
FIGURES: Final = ("limit_usd", "spent_usd", "reserved_usd", "available_usd")

BudgetId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="As `keywright budget list` shows it.")]
Thresholds: TypeAlias = Annotated[
    list[int] | None,
    typer.Option("--threshold", metavar="N", help="At which part of a hundred it warns (repeatable).", min=1),
]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="budget", help="Say what may be spent, and see what is left.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("delete", epilog=DELETE_EXAMPLE)(delete)
    return app


def create(
    *,
    on: On,
    amount: Annotated[str, typer.Option(metavar="USD", help="How much, in US dollars: 0.50.")],
    window: Annotated[
        str, typer.Option(metavar="WINDOW", help="total, day, week, month (UTC), or rolling hours: 24h.")
    ] = "total",
    soft: Annotated[bool, typer.Option("--soft", help="Only warn; refuse nothing.")] = False,
    threshold: Thresholds = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a budget. It counts from now on; a call that could exceed it is refused."""
    wanted = body({"on": on, "amount_usd": amount, "window": window, "hard": not soft, "thresholds": said(threshold)})
    show_row(run(config, lambda api: _create(api, on, wanted), create=True), json=json)


def list_all(*, on: OnFilter = None, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List budgets, with what is spent, reserved by running calls, and left."""
    rows = run(config, lambda api: api.rows("/budgets", BudgetRow, {"on": on}))
    show_rows(rows, COLUMNS, json=json, figures=FIGURES)


def show(budget: BudgetId, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one budget."""
    show_row(run(config, lambda api: api.get(path("budgets", budget), BudgetRow)), json=json)


def update(
    budget: BudgetId,
    *,
    amount: Annotated[str | None, typer.Option(metavar="USD", help="How much, in US dollars: 0.50.")] = None,
    soft: Annotated[bool | None, typer.Option("--soft/--hard", help="Only warn, or refuse as well.")] = None,
    threshold: Thresholds = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a budget. What it is on, and its window, stay."""
    hard = UNSET if soft is None else not soft
    wanted = change({"amount_usd": said(amount), "hard": hard, "thresholds": said(threshold)})
    show_row(run(config, lambda api: api.patch(path("budgets", budget), wanted, BudgetRow)), json=json)


def delete(budget: BudgetId, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Delete a budget. What was spent stays in the ledger."""
    row = run(config, lambda api: _delete(api, budget, yes=yes))
    if json:
        emit_json(row)
    else:
        console().print(f"budget {row.id} on {row.on} is deleted")


async def _create(api: Api, on: str, wanted: Body) -> BudgetRow:
    async with naming_subject(api, on):
        return await api.post("/budgets", wanted, BudgetRow)


async def _delete(api: Api, budget: str, *, yes: bool) -> BudgetRow:
    """What was deleted."""
    row = await api.get(path("budgets", budget), BudgetRow)
    confirm(f"Delete the budget {row.id} on {row.on} ({row.limit_usd} USD, {row.window})?", yes=yes)
    await api.delete(path("budgets", budget))
    return row
