"""`keywright usage`: what was called, used and spent, by whatever it is asked by."""

import sys
from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli import reconcile
from keywright.cli.api import run
from keywright.cli.options import ConfigFile, JsonFlag, key_id
from keywright.cli.screen import console, emit_json, show_table
from keywright.cli.words import when
from keywright.control.resources import UsageRow, UsageTable
from keywright.core.json import JsonObject
from keywright.core.money import from_usd, to_usd

EXAMPLE: Final = "Example: keywright usage --by day,model,key --since 7d"
COUNTS: Final = ("calls", "ok", "input_tokens", "output_tokens")
FIGURES: Final = (*COUNTS, "cost_usd")

Filter: TypeAlias = str | None


def commands() -> typer.Typer:
    """The group: by itself it shows usage."""
    app = typer.Typer(name="usage", callback=usage, invoke_without_command=True, epilog=EXAMPLE)
    app.command("reconcile", epilog=reconcile.EXAMPLE)(reconcile.reconcile)
    return app


def usage(
    context: typer.Context,
    *,
    by: Annotated[str, typer.Option(metavar="COLUMN,…", help="Group by these, in this order.")] = "day,model",
    since: Annotated[str, typer.Option(metavar="WHEN", help="From when on: 7d ago, a day, a time.")] = "7d",
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="Until when (else now).")] = None,
    project: Annotated[Filter, typer.Option(metavar="NAME", help="Only calls of that project.")] = None,
    key: Annotated[Filter, typer.Option(metavar="ID", help="Only by that key.", callback=key_id)] = None,
    user: Annotated[Filter, typer.Option(metavar="NAME", help="Only by keys that are that user's now.")] = None,
    owner: Annotated[Filter, typer.Option(metavar="NAME", help="Only by keys of that user or program.")] = None,
    model: Annotated[Filter, typer.Option(metavar="NAME", help="Only served by that model.")] = None,
    requested: Annotated[Filter, typer.Option(metavar="NAME", help="Only what asked for that model or alias.")] = None,
    provider: Annotated[Filter, typer.Option(metavar="NAME", help="Only served by that provider.")] = None,
    tag: Annotated[Filter, typer.Option(metavar="NAME=VALUE", help="Only with that tag.")] = None,
    credential: Annotated[Filter, typer.Option(metavar="FINGERPRINT", help="Only by that provider key.")] = None,
    outcome: Annotated[Filter, typer.Option(metavar="WORD", help="Only those that ended so, as ok or failed.")] = None,
    unpriced: Annotated[bool, typer.Option("--unpriced", help="Only what nobody knew a price of.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Show what was called, used and spent."""
    if context.invoked_subcommand is not None:
        return
    if csv and json:
        raise typer.BadParameter("--csv and --json exclude each other")
    query = {
        "by": by,
        "since": when(since),
        "until": when(until),
        "project": project,
        "key": key,
        "user": user,
        "owner": owner,
        "model": model,
        "requested": requested,
        "provider": provider,
        "tag": tag,
        "credential": credential,
        "outcome": outcome,
        "unpriced": "true" if unpriced else None,
    }
    if csv:
        sys.stdout.write(run(config, lambda api: api.text("/usage", query, "text/csv")))
        return
    table = run(config, lambda api: api.get("/usage", UsageTable, query))
    if json:
        emit_json({"rows": [_facts(table.by, row) for row in table.rows]})
    elif table.rows:
        _show(table)
    else:
        console().print(f"nothing was called since {table.since}")


def _facts(by: Sequence[str], row: UsageRow) -> JsonObject:
    return {name: getattr(row, name) for name in (*by, *FIGURES)}


def _show(table: UsageTable) -> None:
    cells = [tuple(str(value) or "-" for value in _facts(table.by, row).values()) for row in table.rows]
    if table.by:
        cells.append(_total(table))
    show_table((*table.by, *FIGURES), cells, FIGURES)


def _total(table: UsageTable) -> tuple[str, ...]:
    counts = (str(sum(getattr(row, name) for row in table.rows)) for name in COUNTS)
    cost = to_usd(sum(from_usd(row.cost_usd) for row in table.rows))
    return ("total", *[""] * (len(table.by) - 1), *counts, cost)
