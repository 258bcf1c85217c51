"""`keywright credential`: what providers are called with, where it lives, and how it fares."""

import asyncio
from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli.api import Api, path
from keywright.cli.at_home import run_with_keys
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.screen import emit_json, note, show_row, show_rows
from keywright.control.resources import InventoryRow

LIST_EXAMPLE: Final = "Example: keywright credential list --verify"
SHOW_EXAMPLE: Final = "Example: keywright credential show openai/team-a --json"
VERIFY_EXAMPLE: Final = "Example: keywright credential verify openai/team-a"
DISABLE_EXAMPLE: Final = "Example: keywright credential disable openai/team-a"
ENABLE_EXAMPLE: Final = "Example: keywright credential enable openai/team-a"
VERIFIED_AT_ONCE: Final = 4
COLUMNS: Final = (
    "name",
    "lives_at",
    "fingerprint",
    "kind",
    "age_days",
    "last_use",
    "last_verified",
    "expires",
    "used_by",
    "cost_this_month_usd",
    "state",
)

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="As `keywright credential list` has it.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="credential", help="See what providers are called with, and turn it off.")
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("verify", epilog=VERIFY_EXAMPLE)(verify)
    app.command("disable", epilog=DISABLE_EXAMPLE)(disable)
    app.command("enable", epilog=ENABLE_EXAMPLE)(enable)
    return app


def list_all(
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Ask each provider whether it accepts its key.")] = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List credentials: where each lives, its key's fingerprint, kind and age, who uses it, and what it cost."""

    async def work(api: Api) -> list[InventoryRow]:
        rows = await inventory(api)
        return await _verified(api, rows) if verify else rows

    show_rows(run_with_keys(config, work), COLUMNS, json=json, figures=("age_days", "cost_this_month_usd"))


def show(name: Name, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one credential."""
    show_row(run_with_keys(config, lambda api: api.get(path("credentials", name), InventoryRow)), json=json)


def verify(name: Name, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Ask its provider whether it accepts its key."""
    show_row(run_with_keys(config, lambda api: _done(api, name, "verify")), json=json)


def disable(name: Name, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Let no call use a credential from now on, in any process."""
    _turn(name, config, "disable", json=json)


def enable(name: Name, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Let calls use it again."""
    _turn(name, config, "enable", json=json)


async def inventory(api: Api, *, due: bool = False) -> list[InventoryRow]:
    """The credentials, by name; `due`: those whose keys are to be replaced now."""
    return await api.rows("/credentials", InventoryRow, {"due": "true" if due else None})


def _turn(name: str, config: ConfigFile, word: str, *, json: bool) -> None:
    row = run_with_keys(config, lambda api: _done(api, name, word))
    if json:
        emit_json(row)
    note(f"{row.name} is {word}d; running gateways follow within two seconds")


async def _verified(api: Api, rows: list[InventoryRow]) -> list[InventoryRow]:
    """The same rows, after each provider was asked: some at once, and each in a request of its own, that none takes
    long.
    """
    bound = asyncio.Semaphore(VERIFIED_AT_ONCE)

    async def one(row: InventoryRow) -> InventoryRow:
        async with bound:
            return await _done(api, row.name, "verify")

    return list(await asyncio.gather(*map(one, rows)))


async def _done(api: Api, name: str, word: str) -> InventoryRow:
    return await api.post(path("credentials", name, word), None, InventoryRow)
