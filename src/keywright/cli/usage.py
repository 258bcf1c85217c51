"""`keywright usage`: what was called, used and spent, by whatever it is asked by."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Final, get_args

import typer

from keywright.cli import reconcile
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import local_blueprint, local_store
from keywright.cli.screen import console, emit_json, show_table
from keywright.core.json import JsonObject
from keywright.core.money import to_usd

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint
    from keywright.store.usage import Dimension, UsageRow

EXAMPLE: Final = "Example: keywright usage --by day,model,key --since 7d"
FIGURES: Final = ("calls", "ok", "input_tokens", "output_tokens", "cost_usd")


def commands() -> typer.Typer:
    """The group: by itself it shows usage."""
    app = typer.Typer(name="usage", callback=usage, invoke_without_command=True, epilog=EXAMPLE)
    app.command("reconcile", epilog=reconcile.EXAMPLE)(reconcile.reconcile)
    return app


def usage(
    context: typer.Context,
    *,
    by: Annotated[str, typer.Option(metavar="COLUMN,…", help="Group by these, in this order.")] = "day,model",
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 12h, 7d, 4w.")] = "7d",
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Show what was called, used and spent."""
    if context.invoked_subcommand is not None:
        return
    from keywright.identity.key import duration_s

    columns = _columns(by)
    now_s = int(time.time())
    try:
        since_s = now_s - duration_s(since)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    found = asyncio.run(_usage(local_blueprint(config), columns, since_s, now_s + 1))
    rows = [_row(columns, row) for row in found]
    if json:
        emit_json({"rows": rows})
    elif not rows:
        console().print(f"nothing was called in the last {since}")
    else:
        cells = [tuple(str(value) or "-" for value in row.values()) for row in rows]
        show_table((*columns, *FIGURES), [*cells, _total(columns, found)], FIGURES)


def _columns(text: str) -> "tuple[Dimension, ...]":
    from keywright.store.usage import Dimension

    known: dict[str, Dimension] = {name: name for name in get_args(Dimension)}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known or names.count(name) > 1:
            what = "is there twice" if name in known else f"is not one of {', '.join(known)}"
            raise typer.BadParameter(f"{name!r} {what}", param_hint="--by")
    return tuple(known[name] for name in names)


async def _usage(
    blueprint: "Blueprint", by: "tuple[Dimension, ...]", since_s: int, until_s: int
) -> "tuple[UsageRow, ...]":
    async with local_store(blueprint, create=False) as store:
        return await store.usage(by, since_s, until_s)


def _row(columns: "tuple[Dimension, ...]", row: "UsageRow") -> JsonObject:
    return {
        **dict(zip(columns, row.by, strict=True)),
        "calls": row.calls,
        "ok": row.ok,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": to_usd(row.cost_picodollars),
    }


def _total(columns: "tuple[Dimension, ...]", rows: "tuple[UsageRow, ...]") -> tuple[str, ...]:
    sums = (
        str(sum(row.calls for row in rows)),
        str(sum(row.ok for row in rows)),
        str(sum(row.input_tokens for row in rows)),
        str(sum(row.output_tokens for row in rows)),
        to_usd(sum(row.cost_picodollars for row in rows)),
    )
    return ("total", *[""] * (len(columns) - 1), *sums)
