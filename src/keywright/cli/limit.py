"""`keywright limit`: how fast calls may come, and how many may run at once."""

from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli.api import Api, path, run
from keywright.cli.nearest import naming_subject
from keywright.cli.options import Concurrency, ConfigFile, JsonFlag, On, OnFilter, RequestsPerMin, TokensPerMin, Yes
from keywright.cli.screen import confirm, console, emit_json, show_row, show_rows
from keywright.cli.words import body, change, rates
from keywright.control.resources import LimitRow

CREATE_EXAMPLE: Final = "Example: keywright limit create --on user:ann --requests-per-min 60 --concurrency 4"
LIST_EXAMPLE: Final = "Example: keywright limit list --json"
SHOW_EXAMPLE: Final = "Example: keywright limit show lim_1a2b3c"
UPDATE_EXAMPLE: Final = "Example: keywright limit update lim_1a2b3c --requests-per-min 120 --concurrency none"
DELETE_EXAMPLE: Final = "Example: keywright limit delete lim_1a2b3c --yes"

FIGURES: Final = ("requests_per_min", "tokens_per_min", "concurrency")
COLUMNS: Final = ("id", "on", *FIGURES, "declared")

LimitId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="As `keywright limit list` shows it.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="limit", help="Say how fast calls may come, and how many may run at once.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("delete", epilog=DELETE_EXAMPLE)(delete)
    return app


def create(
    *,
    on: On,
    requests_per_min: RequestsPerMin = None,
    tokens_per_min: TokensPerMin = None,
    concurrency: Concurrency = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a limit. A call beyond it is answered 429, with the time to wait."""
    wanted = body({"on": on, **rates(requests_per_min, tokens_per_min, concurrency)})

    async def work(api: Api) -> LimitRow:
        async with naming_subject(api, on):
            return await api.post("/limits", wanted, LimitRow)

    show_row(run(config, work, create=True), json=json)


def list_all(*, on: OnFilter = None, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List limits. Those of keys are with the keys: `keywright key show`."""
    rows = run(config, lambda api: api.rows("/limits", LimitRow, {"on": on}))
    show_rows(rows, COLUMNS, json=json, figures=FIGURES)


def show(limit: LimitId, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one limit."""
    show_row(run(config, lambda api: api.get(path("limits", limit), LimitRow)), json=json)


def update(
    limit: LimitId,
    *,
    requests_per_min: RequestsPerMin = None,
    tokens_per_min: TokensPerMin = None,
    concurrency: Concurrency = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a limit: what is given, no more. What it is on stays."""
    wanted = change(rates(requests_per_min, tokens_per_min, concurrency))
    show_row(run(config, lambda api: api.patch(path("limits", limit), wanted, LimitRow)), json=json)


def delete(limit: LimitId, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Delete a limit."""

    async def work(api: Api) -> LimitRow:
        row = await api.get(path("limits", limit), LimitRow)
        confirm(f"Delete the limit {row.id} on {row.on}?", yes=yes)
        await api.delete(path("limits", limit))
        return row

    row = run(config, work)
    if json:
        emit_json(row)
    else:
        console().print(f"limit {row.id} on {row.on} is deleted")
